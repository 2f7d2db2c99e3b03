#!/bin/bash
#SBATCH --nodes=1-2 --ntasks=4
#SBATCH --mem-per-cpu=1G
#SBATCH --exclude=n1,b1
mpirun ./flexible
