"""What the screens need from outside: the actions, the clock, and a place for what is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from jobshape.app.board.board import Board
from jobshape.app.domain.job import DEFAULT_STAGES, Job, Usage
from jobshape.app.domain.past import Lineage
from jobshape.widgets.glyphs import Glyphs

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


class Past(Protocol):
    """What history knows of a job. Both raise a JobshapeError; None: nothing is kept of it."""

    async def usage_series(self, job: Job) -> Sequence[Usage] | None:
        """Its usage over time, oldest first."""
        ...

    async def lineage(self, job: Job) -> Lineage | None:
        """What it was resubmitted from and as."""
        ...


class NoPast:
    """Stands for a history where there is none."""

    async def usage_series(self, job: Job) -> Sequence[Usage] | None:
        """Nothing is kept."""
        return None

    async def lineage(self, job: Job) -> Lineage | None:
        """Nothing is kept."""
        return None


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


def _forget(kept: Kept) -> None:
    pass


def _as_it_is() -> None:
    pass


def _stay(name: str) -> None:
    pass


def _no_job_screen(job_id: int) -> None:
    pass


@dataclass(slots=True)
class Context:
    """What every screen is given. A screen reads no file, no setting and no clock but through it.

    keep: writes what the person set up. redraw: writes the whole terminal anew. go: shows
    another main screen, by its name. show_job: shows the screen of one job.
    through_site: the jobs' files are seen only by the site, not by this machine.
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
    past: Past = field(default_factory=NoPast)
    through_site: bool = False
    read_only: bool = False
    confirm: bool = True
    stages: Sequence[str] = DEFAULT_STAGES
