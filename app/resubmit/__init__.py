"""What is sent again after a failure, and how it is corrected."""
