#!/bin/bash
#SBATCH --job-name=preprocess
#SBATCH --array=0-9%5
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=01:00:00
#SBATCH --output=%x-%A_%a.out
# One task a piece of the data: $SLURM_ARRAY_TASK_ID tells which.
set -euo pipefail
export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}"

{{command}}
