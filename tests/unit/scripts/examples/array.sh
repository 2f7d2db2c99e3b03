#!/bin/bash
#SBATCH --array=0-499%20
#SBATCH --job-name=sweep
#SBATCH --output=sweep_%A_%a.out
#SBATCH --mem=2G --time=30:00
python sweep.py --index "$SLURM_ARRAY_TASK_ID"
