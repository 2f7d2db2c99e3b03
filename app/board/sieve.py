"""What a view wants: which jobs it shows, under which heading, folded into what, in which order."""

from collections.abc import Callable
from enum import IntEnum
from typing import Literal, NamedTuple

from jobshape.app.board.columns import COLUMNS
from jobshape.app.board.order import Rank
from jobshape.app.board.query import EVERYTHING, Query
from jobshape.app.board.search_text import SearchTexts
from jobshape.app.domain.job import DEFAULT_STAGES, UNASSIGNED, Job
from jobshape.app.domain.states import Phase, is_finished, phase_of

GroupBy = Literal["none", "stage", "state", "array", "user"]
ScopeName = Literal["mine", "accounts", "all"]

_PHASES = (
    Phase.RUNNING, Phase.WAITING, Phase.FAILED, Phase.CANCELLED, Phase.DONE, Phase.UNKNOWN,
)  # fmt: skip


class Hidden(IntEnum):
    """Why a record is not shown; the first that applies."""

    SHOWN = 0
    SCOPE = 1
    FINISHED = 2
    QUERY = 3


class Wish(NamedTuple):
    """Everything a person chose about the list; two equal wishes give the same list."""

    query: Query = EVERYTHING
    sort_key: str = "submitted"
    descending: bool = True
    group_by: GroupBy = "none"
    scope: ScopeName = "all"
    show_finished: bool = True
    user: str = ""  # me; "" while unknown, which hides nothing
    accounts: tuple[str, ...] = ()
    stages: tuple[str, ...] = DEFAULT_STAGES  # in the order of their headings; others follow

    @property
    def order(self) -> tuple[str, bool]:
        """The part that needs sorting anew when it changes."""
        return self.sort_key, self.descending


class Sieve:
    """A wish at one time, ready to be asked about many records.

    Answers depend on the record alone, so a record that changed is found again under what it said
    before.
    """

    def __init__(
        self, wish: Wish, now: float, texts: SearchTexts, *, ranked_at: float | None = None
    ) -> None:
        self.wish = wish
        self.now = now
        self.ranked_at = now if ranked_at is None else ranked_at
        self._texts = texts
        self._value = COLUMNS[wish.sort_key].sort_value
        self._missing = 0 if wish.descending else 2  # a missing value is shown last either way
        self.fold_of = _fold_of if wish.group_by == "none" else self._fold_of_grouped
        self.group_of: Callable[[Job], str] = _GROUPS[wish.group_by]

    def rank(self, job: Job) -> Rank:
        """Ascending place of a record: sort value, then time of submission, then id."""
        value = self._value(job, self.ranked_at)
        if value is None:
            return (self._missing, 0, job.submit_time or 0, job.job_id)
        return (1, value, job.submit_time or 0, job.job_id)

    def hidden(self, job: Job, *, fresh: bool) -> Hidden:
        """Whether and why a record is not shown. fresh: its search text may be kept."""
        wish = self.wish
        if wish.scope != "all" and wish.user and job.user != wish.user and (
            wish.scope == "mine" or job.account not in wish.accounts
        ):  # fmt: skip
            return Hidden.SCOPE
        if not wish.show_finished and is_finished(job.state):
            return Hidden.FINISHED
        query = wish.query
        if query is not EVERYTHING:
            text = self._texts.of(job) if fresh and query.reads_text else None
            if not query.matches(job, self.now, text):
                return Hidden.QUERY
        return Hidden.SHOWN

    def _fold_of_grouped(self, job: Job) -> str | None:
        if self.wish.group_by == "array" and job.array_job_id is not None:
            return None  # the heading is the fold
        fold = _fold_of(job)
        # The same array may stand under several headings.
        return fold and f"{fold} in {self.group_of(job)}"


def _fold_of(job: Job) -> str | None:
    """The key of the row a record folds into, None if it stands alone."""
    if job.array_job_id is not None:
        return f"array {job.array_job_id}"
    if job.het_job_id is not None:
        return f"het {job.het_job_id}"
    return None


def _by_array(job: Job) -> str:
    return "" if job.array_job_id is None else str(job.array_job_id)


_GROUPS: dict[GroupBy, Callable[[Job], str]] = {
    "none": lambda job: "",
    "stage": lambda job: job.stage or UNASSIGNED,
    "state": lambda job: job.state,
    "array": _by_array,
    "user": lambda job: job.user,
}


def group_rank(wish: Wish, group: str) -> Rank:
    """Where a group stands: stages as they run, states by phase, others by name or number."""
    if wish.group_by == "stage":
        stages = wish.stages
        usual = stages.index(group) if group in stages else len(stages)
        return (group == UNASSIGNED, usual, group)
    if wish.group_by == "state":
        return (_PHASES.index(phase_of(group)), group)
    if wish.group_by == "array":
        return (not group, int(group or 0))
    return (not group, group)
