#!/bin/bash
#SBATCH --job-name=eval_full
#SBATCH --output=logs/%x-%j.out
#SBATCH --time=5
#SBATCH --cpus-per-task=1
#SBATCH --mem=64M
# Far too little memory: it wants 250 MiB and dies of it.
exec "${DEMO_PYTHON:-python3}" work.py eval --seconds 9 --memory 250 --cpu 0.5 "$@"
