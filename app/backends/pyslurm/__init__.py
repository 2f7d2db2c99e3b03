"""The backend that calls libslurm through pyslurm."""
