#!/bin/bash
#SBATCH --mem=1G
#SBATCH -t 10
#SBATCH --mem=5G
#SBATCH --time=20 -c 1 -c 3
true
