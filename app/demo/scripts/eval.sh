#!/bin/bash
#SBATCH --job-name=eval
#SBATCH --output=logs/%x-%j.out
#SBATCH --time=5
#SBATCH --cpus-per-task=1
#SBATCH --mem=100M
exec "${DEMO_PYTHON:-python3}" work.py eval --seconds 6 --memory 40 --cpu 0.5 "$@"
