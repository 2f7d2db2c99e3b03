#!/bin/bash
#SBATCH -p gpu --nodes=2 --gpus=a100:4
#SBATCH --cpus-per-task=4 --mem=32G
srun python ddp.py
