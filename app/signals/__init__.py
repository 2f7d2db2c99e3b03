"""What went wrong with a job: rules over its log and Slurm's own fields, and the ranking of causes."""
