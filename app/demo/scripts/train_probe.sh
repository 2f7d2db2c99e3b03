#!/bin/bash
#SBATCH --job-name=train_probe
#SBATCH --output=logs/%x-%j.out
#SBATCH --time=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=100M
# Too little walltime: a minute is over long before it is done.
exec "${DEMO_PYTHON:-python3}" work.py train --seconds 300 --memory 40 --cpu 0.3 "$@"
