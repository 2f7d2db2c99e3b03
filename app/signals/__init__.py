"""What went wrong with a job: rules over its log and Slurm's fields, and how causes rank."""
