"""What was done to jobs: kept before it is sent, told afterwards, taken back where that goes."""
