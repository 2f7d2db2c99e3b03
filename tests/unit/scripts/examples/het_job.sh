#!/bin/bash
#SBATCH --job-name=coupled
#SBATCH -n 1 -c 4 --mem-per-cpu=2G -p main --time=20
#SBATCH hetjob
#SBATCH -n 8 --mem-per-cpu=500M -p main -N 2
srun --het-group=0 ./leader : --het-group=1 ./workers
