"""Queue wait: how long a job shape submitted now will wait, as a distribution."""
