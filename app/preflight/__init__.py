"""What is looked at before a job is sent, and what each rule says."""
