#!/bin/bash
#SBATCH --ntasks
#SBATCH 3
#SBATCH --mem=1G
true
