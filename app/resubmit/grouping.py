"""Many ended jobs to few submissions: tasks of one array become one array of just these. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobshape.app.domain.array_tasks import TaskSet
from jobshape.app.domain.job import Job
from jobshape.app.domain.resubmission import LeftOut
from jobshape.app.domain.states import Phase, phase_of

QUEUED, RUNNING, DONE = "still queued", "still running", "completed"
CANCELLED = "cancelled: somebody wanted it so"
HET = "a heterogeneous job: submit its script by hand"
NO_STATE = "how it ended is not known"


@dataclass(frozen=True, slots=True)
class Group:
    """What becomes one submission."""

    reference: str  # "12", "4_7", "4_[3,7-19]"
    jobs: tuple[Job, ...]  # by task number
    tasks: TaskSet | None = None  # None: no array

    @property
    def site_reference(self) -> str:
        """The reference that the site knows the whole by: that of the array."""
        return self.reference.partition("_")[0]

    def array_with(self, throttle: int) -> str | None:
        """What --array says for it, with at most so many at once (0: no limit)."""
        if self.tasks is None:
            return None
        return f"{self.tasks}%{throttle}" if throttle else str(self.tasks)


def grouped(
    jobs: Iterable[Job], *, reason_against: Callable[[Job], str] = lambda job: "",
    running: bool = False, by_itself: bool = False, done: bool = False,
) -> tuple[list[Group], list[LeftOut]]:  # fmt: skip
    """The submissions, in the order of their first job, and the jobs that are not sent again.

    reason_against: why a job is left out that has ended otherwise than well; "" if it is not.
    running, done: jobs that run, or did well, are taken, too. by_itself: nobody asked for it.
    """
    left: Counter[str] = Counter()
    of_array: dict[int, dict[int, Job]] = {}
    alone: dict[int, Job] = {}
    order: dict[tuple[str, int], None] = {}
    for job in jobs:
        reason = _against(job, running, by_itself, done) or reason_against(job)
        if reason:
            left[reason] += 1
        elif job.array_job_id is not None and job.array_task_id is not None:
            of_array.setdefault(job.array_job_id, {})[job.array_task_id] = job
            order["array", job.array_job_id] = None
        else:
            alone[job.job_id] = job
            order["job", job.job_id] = None
    groups = [
        _array(job_id, of_array[job_id]) if kind == "array"
        else Group(str(job_id), (alone[job_id],))
        for kind, job_id in order
    ]  # fmt: skip
    return groups, [LeftOut(reason, count) for reason, count in left.most_common()]


def _array(array_id: int, tasks: Mapping[int, Job]) -> Group:
    numbers = TaskSet(tasks)
    text = str(numbers)
    reference = f"{array_id}_{text}" if len(tasks) == 1 else f"{array_id}_[{text}]"
    return Group(reference, tuple(tasks[task] for task in numbers), numbers)


def _against(job: Job, running: bool, by_itself: bool, done: bool) -> str:
    """Why its own state is against it."""
    phase = phase_of(job.state)
    if job.het_job_id is not None:
        return HET
    if job.array_tasks or phase is Phase.WAITING:
        return QUEUED
    if phase is Phase.RUNNING:
        return "" if running and not by_itself else RUNNING
    if phase is Phase.DONE:
        return "" if done and not by_itself else DONE
    if phase is Phase.CANCELLED:
        return CANCELLED if by_itself else ""
    return NO_STATE if phase is Phase.UNKNOWN else ""


def merged(left_out: Sequence[LeftOut]) -> tuple[LeftOut, ...]:
    """The same reasons in one, the commonest first."""
    counts: Counter[str] = Counter()
    for one in left_out:
        counts[one.reason] += one.count
    return tuple(LeftOut(reason, count) for reason, count in counts.most_common())
