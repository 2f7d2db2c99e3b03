#!/bin/bash
#SBATCH --mem=1G
#SBATCH packjob
#SBATCH --mem=2G --gres=gpu:1 -p gpu
#SBATCH hetjob # the third
#SBATCH --mem=3G
true
