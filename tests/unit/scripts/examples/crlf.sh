#!/bin/bash
#SBATCH --mem=4G
#SBATCH -n 2   # why

echo hi
