#!/bin/bash
#SBATCH --job-name=train
#SBATCH --output=logs/%x-%j.out
#SBATCH --time=12:00:00
#SBATCH --cpus-per-task=1
#SBATCH --mem=256M
# Far too much walltime: half a minute is all it needs.
exec "${DEMO_PYTHON:-python3}" work.py train --seconds 25 --memory 150 --cpu 0.8 "$@"
