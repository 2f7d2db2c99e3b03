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


def why_not(action: str, job: Job) -> str | None:
    """Why the action does not fit this job; None if it does. Whether one may, the site says."""
    return _WHY_NOT[action](job)


def is_others(job: Job, user: str) -> bool:
    """Whether the job is somebody else's."""
    return user not in ("", "root", job.user)


def own_of(jobs: Sequence[Job], user: str) -> tuple[list[Job], list[Job]]:
    """One's own of these jobs, and those left out; where all are others', these are meant."""
    own = [job for job in jobs if not is_others(job, user)]
    if not own:
        return list(jobs), []
    return own, [job for job in jobs if is_others(job, user)]


def plan(action: str, jobs: Sequence[Job], board: Board) -> Plan:
    """What the action does to these jobs. A whole array is one call, not one a task."""
    meant, others = own_of(jobs, board.link.user)
    left_out = Counter(f"belongs to {job.user}" for job in others)
    fitting: list[Job] = []
    for job in meant:
        reason = why_not(action, job) or _why_cut(job, meant, board)
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


def _why_cut(job: Job, chosen: Sequence[Job], board: Board) -> str | None:
    """Slurm may cut the list of an array's tasks: then only the whole array can be named."""
    array = job.array_job_id
    if array is None or "..." not in job.array_tasks:
        return None
    of_it = [one for one in chosen if one.array_job_id == array]
    if _is_whole(array, of_it, board, over_too=False):
        return None
    return "the list of its tasks is cut: choose the whole array"


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
            running = [one for one in families[array] if phase_of(one.state) is Phase.RUNNING]
            shown = next(iter(running), job)  # it is what would be lost
            targets.append(Target(str(array), job.name, shown.state, tasks, shown))
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
    if "..." in job.array_tasks:
        reference = str(job.array_job_id)
    elif job.array_tasks:
        reference = f"{job.array_job_id}_[{job.array_tasks.partition('%')[0]}]"
    return Target(reference, job.name, job.state, tasks_of(job), job)


def count_words(jobs: int, tasks: int) -> str:
    """``3 jobs``, ``1 job``, ``2 jobs (500 tasks)``."""
    text = f"{jobs:,} job" + ("" if jobs == 1 else "s")
    return text if tasks == jobs else f"{text} ({tasks:,} tasks)"
