"""A job of the local site as its database keeps it."""

from dataclasses import dataclass, fields

PENDING, RUNNING, COMPLETING, SUSPENDED = "PENDING", "RUNNING", "COMPLETING", "SUSPENDED"
ACTIVE = (PENDING, RUNNING, COMPLETING, SUSPENDED)
REQUEUE = "REQUEUE"
"""What a COMPLETING job becomes, where it goes back to the queue instead of to its end."""

WAITING, NEVER = "waiting", "never"
"""How a job stands with its dependency; "" once nothing is waited for."""


@dataclass(slots=True)
class LocalJob:
    """One row of ``jobs``. Times are seconds since the epoch, sizes bytes.

    A RUNNING one has been given its slots; whether its script was started, the claim in its
    spool folder alone decides. A SUSPENDED one keeps them, its processes are stopped, and the time
    until it goes on does not count. An array is one row, ``array_tasks`` naming the tasks left,
    from which rows of their own are split off as they start; the last task keeps the array's row.
    """

    id: int = 0
    array_id: int | None = None
    task_id: int | None = None
    array_tasks: str = ""  # without the % limit
    throttle: int = 0  # 0: no limit
    state: str = PENDING
    ending: str = ""  # the state that a COMPLETING job will have
    reason: str = ""
    message: str = ""  # the same for a person, in a sentence
    name: str = ""
    partition: str = ""
    account: str = ""
    qos: str = ""
    comment: str = ""
    features: str = ""
    work_dir: str = ""
    task_count: int = 1
    cpus_per_task: int = 1
    cpus: int = 1
    memory_bytes: int = 0
    gpus: int = 0
    gpu_type: str = ""
    gpu_ids: str = ""  # those given: "0,2"
    time_limit_s: int = 0
    nice: int = 0
    boost: int = 0  # --priority: seconds by which it counts as older
    held: int = 0
    begin_time: float | None = None
    dependency: str = ""  # what was asked for
    dependency_shown: str = ""  # what of it is not fulfilled
    dependency_state: str = ""
    submit_time: float = 0.0
    eligible_time: float | None = None
    start_time: float | None = None
    end_time: float | None = None
    exit_code: int | None = None
    exit_signal: int = 0
    restarts: int = 0
    attempt: int = 0
    requeue: int = 0
    retry_time: float | None = None
    peak_bytes: int | None = None
    cpu_s: float | None = None
    gpu_peak_bytes: int | None = None
    gpu_percent: float | None = None
    script: str = ""  # keys of blobs
    environment: str = ""
    arguments: str = "[]"  # JSON
    stdout: str = ""
    stderr: str = ""
    stdin: str = ""
    open_mode: str = ""
    signal: str = ""
    export: str = ""
    submit_dir: str = ""
    umask: int = 0o022
    ntasks_given: int = 0
    tasks_per_node: int = 0
    cpus_given: int = 0
    first_task: int = 0  # of the whole array, for the job's environment
    last_task: int = 0
    all_tasks: int = 0
    task_step: int = 1
    suspend_time: float | None = None  # since when it is stopped
    suspended_s: float = 0.0  # how long it was before, in this attempt

    @property
    def attempt_name(self) -> str:
        """The name of its folder in the spool."""
        return f"{self.id}.{self.attempt}"

    def go_on(self, now: float) -> None:
        """It is no longer stopped."""
        if self.suspend_time is not None:
            self.suspended_s += max(0.0, now - self.suspend_time)
            self.suspend_time = None

    def stopped_s(self, now: float) -> float:
        """How long of its time since the start it has been stopped."""
        since = 0.0 if self.suspend_time is None else max(0.0, now - self.suspend_time)
        return self.suspended_s + since

    @property
    def label(self) -> str:
        """The id as squeue prints it, of an array without its tasks."""
        return str(self.id) if self.task_id is None else f"{self.array_id}_{self.task_id}"


COLUMNS = tuple(field.name for field in fields(LocalJob))
COLUMN_TYPES = {
    field.name: (
        "INTEGER" if "int" in str(field.type) else "REAL" if "float" in str(field.type) else "TEXT"
    )
    for field in fields(LocalJob)
}
