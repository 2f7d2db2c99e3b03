#!/bin/bash
#SBATCH --comment=it\'s\ fine\#1 -n 2
#SBATCH --job-name="a \"quoted\" name" -N 1
#SBATCH --mem=2G
true
