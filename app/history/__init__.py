"""The SQLite file with every job seen, what it used and what was said of it."""
