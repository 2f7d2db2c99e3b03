"""Which jobs an action touches, which it leaves out and why: worked out before anything is done."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from jobshape.app.board.arrays import tasks_of
from jobshape.app.board.board import Board
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, is_finished, phase_of

VERBS = {
    "hold": ("Hold", "held"),
    "release": ("Release", "released"),
    "cancel": ("Cancel", "cancelled"),
    "requeue": ("Requeue", "requeued"),
    "top": ("Put first", "put first"),
    "suspend": ("Suspend", "suspended"),
    "resume": ("Resume", "resumed"),
    "update": ("Change", "changed"),
}
"""Action -> what it is called before and after."""

_HELD_REASONS = ("JobHeldUser", "JobHeldAdmin", "JobHoldMaxRequeue")


class Target(NamedTuple):
    """One call to make: the reference Slurm is given, and how many tasks it stands for."""

    reference: str
    name: str
    state: str
    tasks: int
    job: Job  # of several tasks one of them


class Plan(NamedTuple):
    """What an action will do. ``left_out``: reason -> how many jobs."""

    action: str
    targets: tuple[Target, ...]
    left_out: tuple[tuple[str, int], ...]

    @property
    def tasks(self) -> int:
        """Jobs and array tasks touched."""
        return sum(target.tasks for target in self.targets)


def _is_held(job: Job) -> bool:
    return job.priority == 0 or job.reason in _HELD_REASONS


def _why_not_cancel(job: Job) -> str | None:
    return "already finished" if is_finished(job.state) else None


def _why_not_hold(job: Job) -> str | None:
    if phase_of(job.state) is not Phase.WAITING:
        return "not pending"
    return "already held" if _is_held(job) else None


def _why_not_release(job: Job) -> str | None:
    return None if phase_of(job.state) is Phase.WAITING and _is_held(job) else "not held"


def _why_not_requeue(job: Job) -> str | None:
    return "still pending" if phase_of(job.state) is Phase.WAITING else None


def _why_not_top(job: Job) -> str | None:
    return "not pending" if phase_of(job.state) is not Phase.WAITING else None


def _why_not_suspend(job: Job) -> str | None:
    return None if job.state == "RUNNING" else "not running"


def _why_not_resume(job: Job) -> str | None:
    return None if job.state == "SUSPENDED" else "not suspended"


def _why_not_update(job: Job) -> str | None:
    return "already over: resubmit it (r)" if is_finished(job.state) else None


_WHY_NOT: dict[str, Callable[[Job], str | None]] = {
    "cancel": _why_not_cancel,
    "hold": _why_not_hold,
    "release": _why_not_release,
    "requeue": _why_not_requeue,
    "top": _why_not_top,
    "suspend": _why_not_suspend,
    "resume": _why_not_resume,
    "update": _why_not_update,
}


def why_not(action: str, job: Job, user: str) -> str | None:
    """Why the action does not fit this job; None if it does."""
    if user not in ("", "root", job.user):
        return f"belongs to {job.user}"
    return _WHY_NOT[action](job)


def plan(action: str, jobs: Sequence[Job], board: Board) -> Plan:
    """What the action does to these jobs. A whole array is one call, not one a task."""
    user = board.link.user
    left_out: Counter[str] = Counter()
    fitting: list[Job] = []
    for job in jobs:
        reason = why_not(action, job, user)
        if reason is None:
            fitting.append(job)
        else:
            left_out[reason] += 1
    one_by_one = action == "update"  # each may be of another shape
    targets = (
        [_target(job) for job in fitting]
        if one_by_one
        else _targets(fitting, board, over_too=action == "requeue")
    )
    return Plan(action, tuple(targets), tuple(left_out.most_common()))


def _targets(jobs: Sequence[Job], board: Board, *, over_too: bool) -> list[Target]:
    families: dict[int, list[Job]] = {}
    for job in jobs:
        if job.array_job_id is not None:
            families.setdefault(job.array_job_id, []).append(job)
    targets: list[Target] = []
    whole: set[int] = set()
    for job in jobs:
        array = job.array_job_id
        if array is None:
            targets.append(_target(job))
        elif array in whole:
            continue
        elif len(families[array]) > 1 and _is_whole(array, families[array], board, over_too):
            whole.add(array)
            tasks = sum(map(tasks_of, families[array]))
            targets.append(Target(str(array), job.name, job.state, tasks, job))
        else:
            targets.append(_target(job))
    return targets


def _is_whole(array: int, jobs: Sequence[Job], board: Board, over_too: bool) -> bool:
    """Whether the action does nothing but to these if it names the array.

    over_too: whether it also works on tasks that are over.
    """
    family = board.arrays.get(array)
    if family is None:
        return False
    chosen = {job.job_id for job in jobs}
    others = (board.jobs[i] for i in family.job_ids if i not in chosen and i in board.jobs)
    return all(is_finished(job.state) and not over_too for job in others)


def _target(job: Job) -> Target:
    reference = job.label
    if job.array_tasks:
        if "..." in job.array_tasks:  # Slurm cut the list: only the record's own id names it all
            reference = str(job.job_id)
        else:
            reference = f"{job.array_job_id}_[{job.array_tasks.partition('%')[0]}]"
    return Target(reference, job.name, job.state, tasks_of(job), job)


def count_words(jobs: int, tasks: int) -> str:
    """``3 jobs``, ``1 job``, ``2 jobs (500 tasks)``."""
    text = f"{jobs:,} job" + ("" if jobs == 1 else "s")
    return text if tasks == jobs else f"{text} ({tasks:,} tasks)"
