#!/bin/bash
#SBATCH --partition=gpu
#SBATCH --gpus-per-node=a100:2 --nodes=1
#SBATCH --mem-per-gpu=20G
python train.py
