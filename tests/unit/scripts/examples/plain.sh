#!/bin/bash
#SBATCH --job-name=train
#SBATCH --partition=main
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=02:30:00
#SBATCH --output=logs/%x-%j.out

set -euo pipefail
module load python/3.11
srun python train.py --epochs 10
