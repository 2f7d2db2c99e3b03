#!/bin/bash
# The training job.
# JUSTIFIED: the model needs 64G a GPU for its optimiser state
#SBATCH --partition=gpu      # where the A100s are
#SBATCH --gres=gpu:a100:1    # one is enough
#SBATCH --mem=64G#no blank before this comment
##SBATCH --mem=128G
# SBATCH --time=00:10:00
#SBATCH --time=12:00:00      # long
python train.py
