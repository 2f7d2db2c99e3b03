#!/bin/bash
#SBATCH --job-name="two words"
#SBATCH --comment='run #7, "final"'
#SBATCH "--partition=main"
#SBATCH --constraint='fast&new'
#SBATCH --mem="3G"
true
