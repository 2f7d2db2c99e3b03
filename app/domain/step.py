"""A step of a job: what one ``srun``, or the batch script itself, did on its own."""

from typing import NamedTuple


class Step(NamedTuple):
    """One step. None, or "" for texts: nobody said. Times are seconds since the epoch.

    ``max_rss_bytes`` is that of the step's largest task, not a sum (sacct(1)). It and
    ``total_cpu_s`` are known once the step is over.
    """

    step: str  # "batch", "extern", "interactive", "0", "1", ...
    name: str
    state: str  # Slurm's own word, as of a job
    start_time: int | None
    end_time: int | None
    elapsed_s: int | None
    exit_code: str  # "code:signal", "" before it is over
    nodes: int | None
    tasks: int | None
    cpus: int | None
    node_list: str
    total_cpu_s: float | None
    max_rss_bytes: int | None
    tres: str  # Slurm's text of what it was given
