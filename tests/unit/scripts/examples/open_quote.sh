#!/bin/bash
#SBATCH --mem=2G
#SBATCH --job-name="open
true
