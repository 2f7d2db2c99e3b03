#!/bin/sh
#SLURM --mem=44M
#SBATCH -n 2
true
