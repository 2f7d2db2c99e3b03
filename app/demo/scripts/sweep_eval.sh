#!/bin/bash
#SBATCH --job-name=sweep_eval
#SBATCH --output=logs/%x-%j.out
#SBATCH --time=5
#SBATCH --cpus-per-task=1
#SBATCH --mem=64M
# Too little memory: it wants 90 MiB and more of its 64.
exec "${DEMO_PYTHON:-python3}" work.py eval --seconds 5 --memory 90 --cpu 0.3 "$@"
