#!/bin/bash
#SBATCH --time=UNLIMITED --mem=1T -p main --nice=100
#SBATCH --no-requeue --signal=B:USR1@120
sleep infinity
