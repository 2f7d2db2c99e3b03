"""The picture of the site in memory: jobs, nodes, partitions, usage, and views of the queue."""
