#!/bin/bash
#SBATCH --gres=none -p main -w n1
#SBATCH --mem=800K
true
