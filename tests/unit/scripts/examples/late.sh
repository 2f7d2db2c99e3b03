#!/bin/bash
#SBATCH --mem=2G
module load gcc
#SBATCH --time=5
#SBATCH --ntasks=4
./a.out
