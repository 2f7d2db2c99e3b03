"""Many ended jobs to few submissions. Pure.

Tasks of one array become one array of just these; the components of a heterogeneous job are one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobshape.app.domain.array_tasks import TaskSet
from jobshape.app.domain.job import Job
from jobshape.app.domain.resubmission import LeftOut
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.resubmit.het import whole_state

QUEUED, RUNNING, DONE = "still queued", "still running", "completed"
CANCELLED = "cancelled: somebody wanted it so"
HET = "a heterogeneous job: only a person sends it again (r)"
NO_STATE = "how it ended is not known"


@dataclass(frozen=True, slots=True)
class Group:
    """What becomes one submission."""

    reference: str  # "12", "4_7", "4_[3,7-19]"
    jobs: tuple[Job, ...]  # by task number, or by component
    tasks: TaskSet | None = None  # None: no array

    @property
    def is_het(self) -> bool:
        """Whether these are the components of a heterogeneous job."""
        return self.jobs[0].het_job_id is not None

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
    jobs = list(jobs)
    of_het = _components(jobs)
    for job in jobs:
        if job.het_job_id is not None:
            order["het", job.het_job_id] = None
            continue
        reason = _against(job, running, by_itself, done) or reason_against(job)
        if reason:
            left[reason] += 1
        elif job.array_job_id is not None and job.array_task_id is not None:
            of_array.setdefault(job.array_job_id, {})[job.array_task_id] = job
            order["array", job.array_job_id] = None
        else:
            alone[job.job_id] = job
            order["job", job.job_id] = None
    groups: list[Group] = []
    for kind, job_id in order:
        if kind == "array":
            groups.append(_array(job_id, of_array[job_id]))
        elif kind == "job":
            groups.append(Group(str(job_id), (alone[job_id],)))
        else:
            parts = of_het[job_id]
            state = whole_state(part.state for part in parts)
            reason = HET if by_itself else _against(
                parts[0]._replace(state=state), running, by_itself, done
            )  # fmt: skip
            reason = reason or next(filter(None, map(reason_against, parts)), "")
            if reason:
                left[reason] += 1
            else:
                groups.append(Group(str(job_id), parts))
    return groups, [LeftOut(reason, count) for reason, count in left.most_common()]


def _components(jobs: Sequence[Job]) -> dict[int, tuple[Job, ...]]:
    """The components of each heterogeneous job, by its id, in order."""
    found: dict[int, dict[int, Job]] = {}
    for job in jobs:
        if job.het_job_id is not None:
            found.setdefault(job.het_job_id, {})[job.het_offset or 0] = job
    return {het: tuple(parts[at] for at in sorted(parts)) for het, parts in found.items()}


def _array(array_id: int, tasks: Mapping[int, Job]) -> Group:
    numbers = TaskSet(tasks)
    text = str(numbers)
    reference = f"{array_id}_{text}" if len(tasks) == 1 else f"{array_id}_[{text}]"
    return Group(reference, tuple(tasks[task] for task in numbers), numbers)


def _against(job: Job, running: bool, by_itself: bool, done: bool) -> str:
    """Why its own state is against it."""
    phase = phase_of(job.state)
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
