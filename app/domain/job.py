"""A job as Slurm shows it: one record of the queue, plain values only."""

from typing import NamedTuple

UNLIMITED = -1
"""A time limit without end, where a limit in seconds is expected."""

DEFAULT_STAGES = ("data_fetching", "preprocessing", "caching", "training", "eval")
"""The stages known from the start, in order; which job belongs to one is never guessed."""

UNASSIGNED = "unassigned"
"""The stage of a job that no campaign and no rule claims."""


class Job(NamedTuple):
    """One record of the queue or of accounting.

    ``None`` means "Slurm did not say", which is never shown as zero; an empty text means the same
    for texts. Times are seconds since the epoch; a size is in bytes; figures are totals over all
    nodes of the job. A pending array that Slurm has not split yet is one record whose
    ``array_tasks`` names the tasks (``5-10,20%2``).
    """

    job_id: int  # Slurm's id of this record, unique in the queue at any one time
    state: str  # Slurm's own word, upper case: PENDING, RUNNING, COMPLETING, OUT_OF_MEMORY, ...
    reason: str  # Slurm's own words: Priority, Resources, ...; "" when there is none
    start_time: int | None  # when it started or, still pending, when Slurm expects it to start
    end_time: int | None  # when it ended or, running, when its limit ends it; None: no limit
    time_limit_s: int | None  # UNLIMITED for none; squeue does not say one above 365 days
    name: str
    user: str
    account: str
    partition: str  # several, comma separated, while pending
    qos: str
    array_job_id: int | None  # None: not part of an array
    array_task_id: int | None
    array_tasks: str  # tasks of the array not split off yet, with Slurm's %limit; else ""
    het_job_id: int | None  # leader of a heterogeneous job; None: not part of one
    het_offset: int | None
    priority: int | None  # 0 is held
    submit_time: int | None
    eligible_time: int | None
    nodes: int | None
    node_list: str  # Slurm's short form: n[1-3]
    tasks: int | None
    cpus: int | None
    memory_bytes: int | None
    gpus: int | None
    tres: str  # Slurm's text: allocated if the job has started, else requested
    dependency: str  # what is still waited for: afterok:12(unfulfilled)
    features: str
    reservation: str
    restarts: int | None
    exit_code: str  # "code:signal" of a finished job, "" before
    work_dir: str
    comment: str
    stage: str  # given by the collector, not by Slurm

    @property
    def label(self) -> str:
        """The id as squeue prints it: ``12``, ``4_7``, ``4_[1-500%20]``, ``9+1``."""
        if self.array_job_id is not None:
            if self.array_tasks:
                return f"{self.array_job_id}_[{self.array_tasks}]"
            if self.array_task_id is not None:
                return f"{self.array_job_id}_{self.array_task_id}"
        if self.het_job_id is not None and self.het_offset is not None:
            return f"{self.het_job_id}+{self.het_offset}"
        return str(self.job_id)


NO_JOB = Job(
    job_id=0, state="", reason="", start_time=None, end_time=None, time_limit_s=None,
    name="", user="", account="", partition="", qos="", array_job_id=None, array_task_id=None,
    array_tasks="", het_job_id=None, het_offset=None, priority=None, submit_time=None,
    eligible_time=None, nodes=None, node_list="", tasks=None, cpus=None, memory_bytes=None,
    gpus=None, tres="", dependency="", features="", reservation="", restarts=None, exit_code="",
    work_dir="", comment="", stage=UNASSIGNED,
)  # fmt: skip
"""A record that says nothing; ``NO_JOB._replace(...)`` builds one from what is known."""


class AccountedJob(NamedTuple):
    """A job of accounting: its record and what it used.

    ``max_rss_bytes`` is MaxRSS of the largest task of any step, not a sum (sacct(1)).
    """

    job: Job
    elapsed_s: int | None
    total_cpu_s: float | None
    max_rss_bytes: int | None
    derived_exit_code: str
    gpu_percent: float | None = None  # mean over the job's GPUs and, as far as known, over time
    gpu_memory_peak_bytes: int | None = None  # of all its GPUs; of Slurm no more than is certain


class Usage(NamedTuple):
    """What a running job uses now, summed over its steps; None where nobody says.

    ``memory_bytes`` is the resident memory of all tasks (AveRSS times the tasks of each step),
    ``memory_peak_bytes`` MaxRSS, the largest single task seen so far, not a sum. Source: sstat(1).
    """

    job_id: int
    at: int  # seconds since the epoch
    memory_bytes: int | None
    memory_peak_bytes: int | None
    cpu_time_s: float | None
    gpu_percent: float | None = None  # mean over the job's GPUs
    gpu_memory_bytes: int | None = None  # of all its GPUs
    gpu_memory_total_bytes: int | None = None  # what these GPUs have
    gpu_source: str = ""  # who said so: "slurm", "dcgm", "nvidia-smi", "nvml"; "" for nobody
    gpu_note: str = ""  # of a job with GPUs that has no figures: why, and how to get them


class LogPaths(NamedTuple):
    """Where a job writes, with Slurm's % patterns filled in; "" where Slurm does not know."""

    stdout: str
    stderr: str
    stdin: str
