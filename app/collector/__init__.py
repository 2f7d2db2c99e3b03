"""The process that owns a backend, polls it and hands on what changed."""
