#!/bin/bash
#SBATCH --job-name=cache
#SBATCH --output=logs/%x-%j.out
#SBATCH --time=10
#SBATCH --cpus-per-task=1
#SBATCH --mem=1500M
# Far too much memory: it uses 80 MiB, and keeps others waiting for the rest.
exec "${DEMO_PYTHON:-python3}" work.py cache --seconds 12 --memory 80 --cpu 0.1 "$@"
