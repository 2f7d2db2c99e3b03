"""Batch scripts as text: their ``#SBATCH`` lines read, and written back line by line."""
