"""jobshape: watch, understand and right-size multi-stage work on Slurm, from a terminal."""

__version__ = "0.1.0"
