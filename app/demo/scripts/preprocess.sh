#!/bin/bash
#SBATCH --job-name=prep
#SBATCH --output=logs/%x-%A_%a.out
#SBATCH --time=5
#SBATCH --cpus-per-task=1
#SBATCH --mem=120M
#SBATCH --array=0-5%2
exec "${DEMO_PYTHON:-python3}" work.py preprocess --seconds 7 --memory 60 --cpu 0.7 "$@"
