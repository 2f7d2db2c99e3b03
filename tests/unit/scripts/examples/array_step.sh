#!/bin/bash
#SBATCH -a 1-99:2
#SBATCH -c1 --mem-per-cpu=1500M
#SBATCH -t 0-6
./step.sh
