"""Reading the logs of jobs: files that grow, are huge, and that nobody promised to be text."""
