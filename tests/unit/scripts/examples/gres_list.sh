#!/bin/bash
#SBATCH --gres=gpu:2
#SBATCH --partition=gpu --exclude=g1
#SBATCH --mem=0 --exclusive
python train.py
