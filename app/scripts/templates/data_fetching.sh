#!/bin/bash
#SBATCH --job-name=fetch
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=02:00:00
#SBATCH --output=%x-%j.out
# Waits for the network most of the time: few cores, little memory.
set -euo pipefail

{{command}}
