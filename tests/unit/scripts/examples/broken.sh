#!/bin/bash
#SBATCH --memory=4G
#SBATCH --cpu-per-task=4
#SBATCH --time
true
