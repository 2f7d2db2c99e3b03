#!/bin/bash
#SBATCH --gres=gpu:2 --mem=200G   # JUSTIFIED: loads the whole corpus
#SBATCH -p gpu -c 8
python embed.py
