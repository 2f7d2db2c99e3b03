"""Stages of the workload: what their runs used, which one is the bottleneck, which job is whose."""
