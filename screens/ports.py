"""What the screens need from outside: the actions, the clock, and a place for what is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from jobshape.app.board.board import Board
from jobshape.app.domain.cost import Prices
from jobshape.app.domain.job import DEFAULT_STAGES, Job, Usage
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.past import Lineage, PastJob
from jobshape.app.domain.terms import Terms
from jobshape.widgets.glyphs import Glyphs

if TYPE_CHECKING:  # not before the first rows
    from jobshape.app.domain.action import (
        ActionEntry,
        ActionRecord,
        Begun,
        Ended,
        Outcome,
        SubmissionRecord,
    )
    from jobshape.app.domain.campaigns import (
        Beginning,
        CampaignLine,
        CampaignPicture,
        TrialLine,
    )
    from jobshape.app.domain.check import CheckLine
    from jobshape.app.domain.request import SubmitRequest
    from jobshape.app.scripts.draft import Draft, Project

Clock = Callable[[], float]
"""Seconds since the epoch."""


class Actions(Protocol):
    """The way to the site; :class:`~jobshape.app.collector.client.CollectorClient` is one."""

    async def call(self, method: str, **arguments: Any) -> Any:
        """Do an action of the backend; raises a JobshapeError."""
        ...

    def refresh(self) -> None:
        """Ask the site now."""
        ...

    def set_scope(self, scope: str) -> None:
        """Read other jobs: ``mine``, ``accounts``, ``all``."""
        ...

    def set_attention(self, looking: bool, jobs: Sequence[str] = ()) -> None:
        """Whether someone looks, and at which jobs closely."""
        ...

    def set_stage_rules(self, rules: Sequence[Mapping[str, str]]) -> None:
        """Other rules for the stage of a job: all there are, the first that fits wins."""
        ...


class Past(Protocol):
    """What history knows. All raise a JobshapeError; None: nothing is kept of that."""

    async def stage_runs(self, since: int, most: int) -> list[PastJob] | None:
        """Jobs that ended since then, at most so many a stage, the newest; any order.

        since: seconds since the epoch.
        """
        ...

    async def usage_series(self, job: Job) -> Sequence[Usage] | None:
        """Its usage over time, oldest first."""
        ...

    async def lineage(self, job: Job) -> Lineage | None:
        """What it was resubmitted from and as."""
        ...


class NoPast:
    """Stands for a history where there is none."""

    async def stage_runs(self, since: int, most: int) -> list[PastJob] | None:
        """Nothing is kept."""
        return None

    async def usage_series(self, job: Job) -> Sequence[Usage] | None:
        """Nothing is kept."""
        return None

    async def lineage(self, job: Job) -> Lineage | None:
        """Nothing is kept."""
        return None


class Files(Protocol):
    """Scripts and folders of this machine. All raise a JobshapeError; all may take a while."""

    async def home(self) -> str:
        """The folder at hand."""
        ...

    async def listing(self, folder: str) -> list[tuple[str, bool]]:
        """What lies in a folder: (name, whether it is a folder), folders first, by name."""
        ...

    async def read(self, path: str) -> Any:
        """A script, with ``path`` and ``text``."""
        ...

    async def write(self, file: Any, text: str) -> Path:
        """Write a script back; gives the path of what was there before."""
        ...

    async def project(self, path: str) -> Project:
        """The git work tree of a script, or of the folder at hand."""
        ...

    async def templates(self) -> list[tuple[str, str, str]]:
        """Scripts to start from: (stage, where it is from, text)."""
        ...

    async def hand_over(self, request: SubmitRequest) -> tuple[Path, str]:
        """Keep a script that could not be sent; gives its path and the command for it."""
        ...


class Preflight(Protocol):
    """Looks at a draft before it is sent."""

    async def examine(
        self, draft: Draft, ahead: int = 0, replaced: Collection[int] = ()
    ) -> Sequence[CheckLine]:
        """What each rule says of it, with so many of the same plan before it.

        replaced: ids of jobs that end once it is sent, so nobody counts them.
        Raises a JobshapeError where nothing can be looked at.
        """
        ...

    def lift(self, lines: Sequence[CheckLine], reasons: Mapping[str, str]) -> Sequence[CheckLine]:
        """The lines with these blocks lifted, as far as policy allows: rule -> why."""
        ...


class LimitsAsked(Protocol):
    """Knows what the site lets one ask for."""

    async def get(self) -> SiteLimits:
        """The limits; without any, and with the problem, where the site does not tell."""
        ...


class NoLimits:
    """Stands for a site that tells no limits."""

    async def get(self) -> SiteLimits:
        """None are known."""
        return SiteLimits(problem="nobody was asked")


class ActionLog(Protocol):
    """The log of what is done to jobs; :class:`~jobshape.app.acting.log.HistoryActionLog` is one.

    Writing gives a note for the person, "" where all is well; reading raises a JobshapeError.
    """

    revision: int  # grows with all that is written

    async def begin(self, entries: Sequence[ActionEntry]) -> Begun:
        """Keep what will be sent now; it is on disk when this returns."""
        ...

    async def end(self, ended: Iterable[Ended]) -> str:
        """Keep what became of actions."""
        ...

    async def begin_submission(self, record: SubmissionRecord) -> Begun:
        """Keep what will be submitted now; also an action, that needs no :meth:`begin`."""
        ...

    async def end_submission(
        self, begun: Begun, job_id: int | None, outcome: Outcome, words: str = ""
    ) -> str:
        """Keep what became of a submission."""
        ...

    async def recent(self, limit: int, job: str | None = None) -> list[ActionRecord] | None:
        """The newest actions at this site, newest first, no batch cut; None: nothing is kept."""
        ...

    async def submission(self, job_id: int) -> SubmissionRecord | None:
        """What was submitted as this job, or as the array that it is a task of."""
        ...

    async def is_second(self, jobs: Sequence[str], own_id: int) -> bool:
        """Whether some of these jobs were sent again by a submission kept before this one."""
        ...

    async def submissions(
        self, *, script_hash: str = "", configuration_hash: str = "", since: int | None = None
    ) -> list[SubmissionRecord] | None:
        """Submissions with these hashes, "" for any, newest first; None: nothing is kept."""
        ...


class NoActionLog:
    """Stands for a log where there is none."""

    revision = 0

    async def begin(self, entries: Sequence[ActionEntry]) -> Begun:
        """Nothing is kept."""
        from jobshape.app.domain.action import Begun

        return Begun()

    async def end(self, ended: Iterable[Ended]) -> str:
        """Nothing is kept."""
        return ""

    async def begin_submission(self, record: SubmissionRecord) -> Begun:
        """Nothing is kept."""
        from jobshape.app.domain.action import Begun

        return Begun()

    async def end_submission(
        self, begun: Begun, job_id: int | None, outcome: Outcome, words: str = ""
    ) -> str:
        """Nothing is kept."""
        return ""

    async def recent(self, limit: int, job: str | None = None) -> list[ActionRecord] | None:
        """Nothing is kept."""
        return None

    async def is_second(self, jobs: Sequence[str], own_id: int) -> bool:
        """Nothing is kept."""
        return False

    async def submission(self, job_id: int) -> SubmissionRecord | None:
        """Nothing is kept."""
        return None

    async def submissions(
        self, *, script_hash: str = "", configuration_hash: str = "", since: int | None = None
    ) -> list[SubmissionRecord] | None:
        """Nothing is kept."""
        return None


class Campaigns(Protocol):
    """Workloads that are run in rounds. All may take a while; all raise a JobshapeError."""

    async def revision(self) -> int:
        """Another number once something has changed; -1 while there is none."""
        ...

    async def listed(self) -> list[CampaignLine]:
        """Every campaign: those that go on first, the newest first."""
        ...

    async def picture(self, campaign: int) -> CampaignPicture | None:
        """One campaign with its rounds."""
        ...

    async def trials(self, campaign: int, number: int) -> tuple[TrialLine, ...]:
        """The trials of a round."""
        ...

    async def would_cancel(self, campaign: int) -> int:
        """Jobs that a stop cancels."""
        ...

    async def wish(self, campaign: int, what: str) -> None:
        """``pause``, ``resume``, ``stop``, ``retry``, ``skip``."""
        ...

    async def asking(self) -> list[CampaignLine]:
        """Campaigns that wait for an answer."""
        ...

    async def keep_running(self) -> list[str]:
        """Start what runs the campaigns of this site, where nobody does."""
        ...

    async def manifests(self) -> list[str]:
        """Paths of manifests in the folder at hand."""
        ...

    async def beginning(self, path: str, record: SubmissionRecord | None = None) -> Beginning:
        """What would begin: of a manifest, or of a script, sent before like this."""
        ...

    async def begin(self, beginning: Beginning) -> int:
        """Begin it; gives the campaign's id."""
        ...

    async def report(self, campaign: int) -> Path:
        """Write its report; gives the file."""
        ...


class RulePlan(Protocol):
    """A failure rule as it would be written, and where."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def is_project(self) -> bool:
        """Whether that is the project's."""
        ...

    @property
    def text(self) -> str:
        """The rule."""
        ...

    @property
    def is_new(self) -> bool:
        """Whether there is no such file yet."""
        ...


class FailureRules(Protocol):
    """Failure rules of one's own. All may take a while; all raise a JobshapeError."""

    def classes(self) -> list[tuple[str, str]]:
        """What a rule can stand for: (class, title)."""
        ...

    def plan(self, line: str, label: str) -> RulePlan:
        """The rule for lines like this one."""
        ...

    def accept(self, plan: Any) -> None:
        """Write it."""
        ...


@dataclass(slots=True)
class Kept:
    """What a person set up on the screen and finds again next time."""

    columns: tuple[str, ...] = ()
    widths: dict[str, int] = field(default_factory=dict)
    sort: str = ""
    descending: bool = True
    group: str = "none"
    show_finished: bool = True
    strip: str = "auto"
    theme: str = ""
    stage_runs: int = 20
    stage_days: int = 14  # 0: as far back as there is anything


def _forget(kept: Kept) -> None:
    pass


def _as_it_is() -> None:
    pass


def _stay(name: str) -> None:
    pass


def _unknown_job(job_id: int) -> bool:
    return False


def _incurious(job: Job) -> None:
    pass


def _heedless(keys: Sequence[str]) -> None:
    pass


def _filter_nothing(text: str) -> None:
    pass


def _no_job_screen(job_id: int) -> None:
    pass


@dataclass(slots=True)
class Context:
    """What every screen is given. A screen reads no file, no setting and no clock but through it.

    keep: writes what the person set up. redraw: writes the whole terminal anew. go: shows
    another main screen, by its name. show_job: shows the screen of one job. find_job: puts the
    queue's cursor on a job; False where that is not in it. show_jobs: goes to the queue, filtered
    by this text. look_into: has the cause of an ended job found, which comes with the board.
    acknowledge: alerts, by their keys. through_site: the jobs' files are seen only by the site,
    not by this machine.
    """

    board: Board
    actions: Actions
    clock: Clock
    glyphs: Glyphs
    kept: Kept = field(default_factory=Kept)
    keep: Callable[[Kept], None] = _forget
    redraw: Callable[[], None] = _as_it_is
    go: Callable[[str], None] = _stay
    show_job: Callable[[int], None] = _no_job_screen
    find_job: Callable[[int], bool] = _unknown_job
    look_into: Callable[[Job], None] = _incurious
    acknowledge: Callable[[Sequence[str]], None] = _heedless
    past: Past = field(default_factory=NoPast)
    action_log: ActionLog = field(default_factory=NoActionLog)
    rules: FailureRules | None = None
    through_site: bool = False
    read_only: bool = False
    confirm: bool = True
    stages: Sequence[str] = DEFAULT_STAGES
    show_jobs: Callable[[str], None] = _filter_nothing
    files: Files | None = None
    preflight: Preflight | None = None
    limits: LimitsAsked = field(default_factory=NoLimits)
    submit_command: tuple[str, ...] = ()
    terms: Terms = field(default_factory=Terms)
    prices: Prices = field(default_factory=Prices)
    campaigns: Campaigns | None = None
