"""The backend that calls Slurm's own commands, here or through ssh."""
