#!/bin/bash
#SBATCH --job-name=sweep_eval
#SBATCH --output=logs/%x-%j.out
# Too little memory: it wants 110 MiB of its 64.
exec "${DEMO_PYTHON:-python3}" work.py eval --seconds 5 --memory 110 --cpu 0.3 "$@"
