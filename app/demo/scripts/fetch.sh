#!/bin/bash
#SBATCH --job-name=fetch
#SBATCH --output=logs/%x-%j.out
#SBATCH --time=5
#SBATCH --cpus-per-task=1
#SBATCH --mem=100M
exec "${DEMO_PYTHON:-python3}" work.py fetch --seconds 7 --memory 20 --cpu 0.2 "$@"
