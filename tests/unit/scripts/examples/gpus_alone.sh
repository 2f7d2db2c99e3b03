#!/bin/bash
#SBATCH -p gpu -G 3
#SBATCH --mem-per-gpu=8G
python train.py
