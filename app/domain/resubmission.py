"""What would be sent again of ended jobs, as what, and why; plain values only."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import Job
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.terms import Terms

KEPT_BY_SITE = "as Slurm kept it"
KEPT_BY_HISTORY = "from history"
FROM_PATH = "from its path"


class Correction(NamedTuple):
    """One field of a shape that is another one now. None: nothing was said."""

    field: str  # of JobShape
    old: Any
    new: Any
    reason: str
    component: int = 0  # of a heterogeneous job


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Jobs that are not sent again, and why."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Resubmission:
    """One submission that stands for one job, for tasks of one array, or for one het job.

    before, after: the shape of each component; of an ordinary job there is one.
    """

    jobs: tuple[str, ...]  # references: "12", "4_[3,7-19]"
    name: str
    request: SubmitRequest  # as it is sent, the whole script in it
    before: tuple[JobShape, ...]
    after: tuple[JobShape, ...]
    corrections: tuple[Correction, ...] = ()
    script_source: str = KEPT_BY_SITE
    script_path: str = ""  # where it lay when it was first submitted
    warnings: tuple[str, ...] = ()
    count: int = 1  # tasks that it runs
    diff: tuple[str, ...] = ()  # of the script, line by line
    job_ids: tuple[int, ...] = ()  # of the records that it stands for
    labels: tuple[str, ...] = ()  # classes of their failures, the commonest first
    retriable: bool = False  # whether it may be sent without a person: something is mended

    @property
    def reason(self) -> str:
        """Why, for the log of actions."""
        return "; ".join(dict.fromkeys(one.reason for one in self.corrections))


@dataclass(frozen=True, slots=True)
class ResubmissionPlan:
    """All that comes of a selection of jobs."""

    resubmissions: tuple[Resubmission, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Jobs that are to be sent again.

    findings: causes by job id, the likeliest first; of tasks of one array that ended alike one is
    enough. by_itself: nobody asked, so what would fail again is left out. running: those that
    still run are sent again, too, beside what they do. done: those that did well, too.
    """

    jobs: list[Job]
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)
    by_itself: bool = False
    running: bool = False
    done: bool = False
    history_path: str = ""
    site: str = ""  # its name in history
