"""The manifest of a workload, and what it expands to: jobs, arrays, phases."""
