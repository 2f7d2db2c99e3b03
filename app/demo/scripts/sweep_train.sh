#!/bin/bash
#SBATCH --job-name=sweep_train
#SBATCH --output=logs/%x-%j.out
#SBATCH --time=5
#SBATCH --cpus-per-task=1
#SBATCH --mem=120M
# One point of the sweep: a learning rate and a seed; its loss goes into a file.
exec "${DEMO_PYTHON:-python3}" work.py train --seconds 8 --memory 40 --cpu 0.5 "$@"
