"""What is asked of a site about one job: to submit it, to change it, when it could start."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobshape.app.domain.shape import JobShape


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """A batch script to submit. What is None is left to the script's own ``#SBATCH`` lines.

    ``script`` is the whole text, starting with ``#!``. ``environment`` None passes the caller's.
    """

    script: str
    arguments: tuple[str, ...] = ()
    name: str | None = None
    work_dir: str | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    nodes: int | None = None
    tasks: int | None = None
    cpus_per_task: int | None = None
    memory_bytes: int | None = None  # per node
    gpus: str | None = None  # gres as Slurm writes it, per node: "a100:2", "1"
    time_limit_s: int | None = None
    array: str | None = None  # "0-9%2"
    features: str | None = None
    exclude_nodes: str | None = None
    dependency: str | None = None
    comment: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    hold: bool = False
    command: tuple[str, ...] = ()  # words to submit with instead of sbatch, on Slurm
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a job was submitted as and asks for now; "" and None: the site does not say.

    ``shape`` is what is asked for now, after any change in place, not what was given. Of a task its
    array's ``array`` is left out. ``arguments`` None: the site does not keep them apart.
    """

    job: str  # the reference it was asked by
    shape: JobShape
    name: str = ""
    comment: str = ""
    work_dir: str = ""
    dependency: str = ""
    script_path: str = ""  # where the script lay when it was submitted
    arguments: tuple[str, ...] | None = None
    submit_line: str = ""  # the command as it was typed; its quotes are lost (sacct's SubmitLine)
    stdout: str = ""  # with its % patterns, where the site keeps them
    stderr: str = ""


@dataclass(frozen=True, slots=True)
class JobChanges:
    """What to change of a pending (some: running) job; None leaves a field as it is."""

    name: str | None = None
    comment: str | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    nodes: int | None = None
    tasks: int | None = None
    cpus_per_task: int | None = None
    memory_bytes: int | None = None  # per node
    gpus: str | None = None  # gres per node
    time_limit_s: int | None = None
    array_throttle: int | None = None  # 0: no limit
    nice: int | None = None
    features: str | None = None
    exclude_nodes: str | None = None
    dependency: str | None = None


@dataclass(frozen=True, slots=True)
class EarliestStart:
    """When the site says a job would start, were it submitted now; None: it did not say."""

    start_time: int | None
    nodes: str = ""
    partition: str = ""
    message: str = ""  # the site's own words
