#!/bin/bash
#SBATCH --job-name=train
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=6
#SBATCH --mem=16G
#SBATCH --gres=gpu:1
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@300
#SBATCH --output=%x-%j.out
# Five minutes before the walltime ends USR1 comes: the time to write a checkpoint.
set -euo pipefail
export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}"
trap 'kill -USR1 "$work"; wait "$work"' USR1

{{command}} &
work=$!
wait "$work"
