"""What is looked at before a job is submitted: one rule for each thing that goes wrong later."""
