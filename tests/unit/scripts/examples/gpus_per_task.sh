#!/bin/bash
#SBATCH -p gpu -N 1 -n 2 --gpus-per-task=1
#SBATCH --cpus-per-task=4
srun python train.py
