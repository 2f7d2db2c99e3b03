"""What the columns of the job table say, independent of how they are drawn."""

import time
from collections.abc import Callable
from operator import attrgetter
from typing import Literal, NamedTuple

from jobshape.app.board import figures
from jobshape.app.board.arrays import tasks_of
from jobshape.app.board.words import reason_words
from jobshape.app.domain.job import UNASSIGNED, UNLIMITED, Job
from jobshape.app.domain.states import Phase, is_finished, letters_of, phase_of
from jobshape.app.domain.text import sanitize
from jobshape.app.domain.units import format_short_duration, format_size

SortValue = int | float | str | None
TextOf = Callable[[Job, float], str]
SortOf = Callable[[Job, float], SortValue]
MISSING = "-"


class Column(NamedTuple):
    """One column: its words, its widths in cells, and what it says of a job.

    ``text`` never holds a control character; a missing figure is "-". ``sort_value`` None sorts
    last in either direction; all other values of one column are of one type. ``clocked``: text
    or order changes with the time alone.
    """

    key: str
    title: str
    short: str
    width: int  # default, in cells
    min_width: int
    align: Literal["left", "right"]
    text: TextOf
    sort_value: SortOf
    help: str
    clocked: bool = False


# --- texts ---------------------------------------------------------------------------------


def _number(value: int | None) -> str:
    return MISSING if value is None else str(value)


def time_text(job: Job, now: float) -> str:
    """Elapsed against limit: ``12m/1h00``, ``-/1h00`` while it waits, ``3h20/∞``."""
    elapsed = format_short_duration(figures.elapsed_s(job, now))
    return f"{elapsed}/{format_short_duration(job.time_limit_s, unknown='?')}"


def where_text(job: Job, now: float) -> str:
    """The nodes of a job that has some; else why it waits or how it ended, in plain words."""
    phase = phase_of(job.state)
    if phase is Phase.CANCELLED:  # Slurm keeps the reason it waited for until then
        return sanitize(job.node_list) or MISSING
    if phase in (Phase.WAITING, Phase.FAILED) or not job.node_list:
        words = reason_words(job.reason).short if job.reason not in ("", "None") else ""
        return sanitize(words or job.node_list) or MISSING
    return sanitize(job.node_list)


_YEAR_10000 = 253_402_300_800
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # strftime's would follow the locale


def clock_text(at: float | None, now: float) -> str:
    """A time near now, local: ``21:04`` today, ``Tue 21:04`` within six days, ``11-30 21:04``."""
    if at is None or not 0 <= at < _YEAR_10000:
        return MISSING
    then, today = time.localtime(at), time.localtime(now)
    clock = f"{then.tm_hour:02d}:{then.tm_min:02d}"
    if then[:3] == today[:3]:
        return clock
    if abs(at - now) < 6 * 86400:
        return f"{_DAYS[then.tm_wday]} {clock}"
    if abs(at - now) < 300 * 86400:
        return f"{then.tm_mon:02d}-{then.tm_mday:02d} {clock}"
    return f"{then.tm_year}-{then.tm_mon:02d}-{then.tm_mday:02d}"


def start_text(job: Job, now: float) -> str:
    """When it started; while it waits when Slurm expects it to, marked ``~``."""
    if phase_of(job.state) is not Phase.WAITING:
        return clock_text(job.start_time, now)
    if job.start_time is None:
        return MISSING
    return "~now" if job.start_time <= now else f"~{clock_text(job.start_time, now)}"


def _priority_text(job: Job, now: float) -> str:
    if job.priority == 0 and phase_of(job.state) is Phase.WAITING:
        return "held"
    return _number(job.priority)


def _stage_text(job: Job, now: float) -> str:
    return MISSING if job.stage in ("", UNASSIGNED) else sanitize(job.stage)


# --- order ---------------------------------------------------------------------------------

_PHASE_RANK = {
    Phase.RUNNING: 0, Phase.WAITING: 1, Phase.FAILED: 2, Phase.CANCELLED: 3, Phase.DONE: 4,
    Phase.UNKNOWN: 5,
}  # fmt: skip


def _id_value(job: Job, now: float) -> SortValue:
    """Ids in number order, tasks and components behind their array's or leader's id."""
    if job.array_job_id is not None:
        task = job.array_task_id
        return (job.array_job_id << 32) + (0xFFFFFFFF if task is None else task)
    if job.het_job_id is not None:
        return (job.het_job_id << 32) + (job.het_offset or 0)
    return job.job_id << 32


def _state_value(job: Job, now: float) -> SortValue:
    return f"{_PHASE_RANK[phase_of(job.state)]}{job.state}"


def _limit(value: int | None) -> SortValue:
    return float("inf") if value == UNLIMITED else value


def _where_value(job: Job, now: float) -> SortValue:
    return where_text(job, now).lower().removeprefix(MISSING) or None


# --- the columns ---------------------------------------------------------------------------


def _word(
    key: str, title: str, width: int, field: str, help: str, *, short: str = "", least: int = 4
) -> Column:
    """A column that shows a text field of the record."""
    read = attrgetter(field)

    def text(job: Job, now: float) -> str:
        return sanitize(read(job)) or MISSING

    def value(job: Job, now: float) -> SortValue:
        return str(read(job)).lower() or None

    return Column(key, title, short or title, width, least, "left", text, value, help)


def _figure(
    key: str, title: str, width: int, field: str, help: str,
    show: Callable[[int | None], str] = _number, *, short: str = "", least: int = 3,
) -> Column:  # fmt: skip
    """A column that shows a number field of the record."""
    read = attrgetter(field)

    def text(job: Job, now: float) -> str:
        return show(read(job))

    def value(job: Job, now: float) -> SortValue:
        figure: int | None = read(job)
        return figure

    return Column(key, title, short or title, width, least, "right", text, value, help)


def _span(
    key: str, title: str, width: int, figure: Callable[[Job, float], int | None], help: str,
    *, clocked: bool = True,
) -> Column:  # fmt: skip
    """A column that shows a duration."""

    def text(job: Job, now: float) -> str:
        return format_short_duration(figure(job, now))

    def value(job: Job, now: float) -> SortValue:
        return _limit(figure(job, now))

    return Column(key, title, title, width, 5, "right", text, value, help, clocked)


_ALL = (
    Column("id", "Job", "Job", 12, 6, "left", lambda job, now: sanitize(job.label), _id_value,
           "Job id; 4_7 is task 7 of array 4, 9+1 component 1 of a heterogeneous job."),
    Column("state", "State", "S", 3, 2, "left", lambda job, now: sanitize(letters_of(job.state)),
           _state_value, "Slurm's short word for the state: PD waiting, R running, CG ending."),
    Column("time", "Time", "Time", 14, 11, "left", time_text,
           lambda job, now: figures.elapsed_s(job, now),
           "How long it has run against its time limit.", True),
    _word("name", "Name", 20, "name", "The job's name (--job-name).", least=6),
    Column("stage", "Stage", "Stage", 13, 4, "left", _stage_text,
           lambda job, now: None if job.stage in ("", UNASSIGNED) else job.stage.lower(),
           "The step of the workload it belongs to, by campaign or the project's rules."),
    _word("partition", "Partition", 10, "partition", "Where it runs; several while it waits.",
          short="Part"),
    _word("user", "User", 9, "user", "Who submitted it."),
    _word("account", "Account", 10, "account", "The account that pays.", short="Acct"),
    _word("qos", "QOS", 8, "qos", "Quality of service.", least=3),
    _figure("cpus", "CPUs", 5, "cpus", "CPUs of all its nodes, asked for or allocated."),
    _figure("memory", "Memory", 6, "memory_bytes", "Memory asked for, over all its nodes.",
            format_size, short="Mem", least=5),
    _figure("gpus", "GPUs", 4, "gpus", "GPUs of all its nodes, asked for or allocated."),
    Column("where", "Nodes or reason", "Nodes/why", 24, 8, "left", where_text, _where_value,
           "Its nodes; while it waits why, in plain words; after a failure what happened."),
    Column("start", "Start", "Start", 10, 6, "right", start_text,
           lambda job, now: job.start_time,
           "When it started; ~ when Slurm expects it to.", True),
    _figure("nodes", "Nodes", 5, "nodes", "How many nodes.", short="N"),
    _word("node_list", "Node list", 14, "node_list", "Its nodes, in Slurm's short form."),
    _word("reason", "Reason", 18, "reason", "Slurm's own word for why it waits or ended."),
    Column("priority", "Priority", "Prio", 9, 5, "right", _priority_text,
           lambda job, now: job.priority, "Higher goes first; held jobs have none."),
    _span("elapsed", "Elapsed", 7, figures.elapsed_s, "How long it has run."),
    _span("limit", "Limit", 6, lambda job, now: job.time_limit_s, "Its time limit.",
          clocked=False),
    _span("left", "Left", 6, figures.left_s, "Time until its limit ends it."),
    _span("age", "Age", 6, figures.age_s, "Time since it was submitted."),
    _span("wait", "Wait", 6, figures.wait_s,
          "How long it has waited since it could start, or did wait."),
    Column("submitted", "Submitted", "Subm", 10, 6, "right",
           lambda job, now: clock_text(job.submit_time, now), lambda job, now: job.submit_time,
           "When it was submitted.", True),
    Column("ended", "Ended", "Ended", 10, 6, "right",
           lambda job, now: MISSING if not is_finished(job.state)
           else clock_text(job.end_time, now),
           lambda job, now: job.end_time if is_finished(job.state)
           else None, "When it ended.", True),
    _figure("tasks", "Tasks", 5, "tasks", "Tasks it asked for (--ntasks)."),
    Column("array", "Array tasks", "Array", 6, 4, "right",
           lambda job, now: MISSING if job.array_job_id is None else str(tasks_of(job)),
           lambda job, now: None if job.array_job_id is None else tasks_of(job),
           "How many tasks of its array this line stands for."),
    _word("dependency", "Dependency", 18, "dependency", "What it waits for (--dependency).",
          short="Dep"),
    _word("features", "Features", 12, "features", "Node features it asks for (--constraint)."),
    _word("reservation", "Reservation", 12, "reservation", "Its advanced reservation.",
          short="Resv"),
    _figure("restarts", "Restarts", 8, "restarts", "How often it was requeued.", short="Rst"),
    _word("exit", "Exit", 5, "exit_code", "Exit code and signal of a finished job."),
    _word("work_dir", "Folder", 24, "work_dir", "Its working folder."),
    _word("comment", "Comment", 20, "comment", "Its comment (--comment)."),
    _word("tres", "Resources", 24, "tres", "Trackable resources, as Slurm writes them.",
          short="TRES"),
)  # fmt: skip

COLUMNS: dict[str, Column] = {column.key: column for column in _ALL}
"""All columns by key, in the order of the column chooser."""

DEFAULT_COLUMNS: tuple[str, ...] = (
    "id", "state", "time", "name", "stage", "partition", "cpus", "memory", "gpus", "where", "start",
)  # fmt: skip
"""The columns shown at first; changing ones stand left, which makes a repaint cheap."""
