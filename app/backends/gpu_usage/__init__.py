"""What a running job's GPUs do: from Slurm, a DCGM endpoint, or nvidia-smi inside the job."""
