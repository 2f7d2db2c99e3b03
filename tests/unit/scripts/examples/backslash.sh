#!/bin/bash
#SBATCH --mem=2G \
#SBATCH --ntasks=2 \
    --time=5
#SBATCH --time=7
./a.out
