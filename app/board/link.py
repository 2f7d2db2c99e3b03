"""The link to the site: how fresh the data is, what is wrong, what it costs."""

from typing import Literal, NamedTuple

LinkPhase = Literal["starting", "live", "late", "failing", "dead"]
"""starting: no answer yet; live: the last reading worked; late: one under way takes too long;
failing: the last reading failed; dead: the collector has ended and is started again."""


class Feature(NamedTuple):
    """Whether something works on this site, and if not, why and how to get it."""

    name: str
    available: bool
    detail: str = ""
    hint: str = ""


class Link(NamedTuple):
    """What the footer and the banner show. Times are seconds since the epoch; None: not yet."""

    phase: LinkPhase = "starting"
    message: str = "waiting for the first answer"  # plain words, one line; "" when all is well
    hint: str = ""
    last_answer_at: float | None = None  # of the queue; older than the cadence means stale
    asked_at: float | None = None  # when the reading of the queue under way began
    next_at: float | None = None  # when the queue is read next
    cadence_s: float | None = None
    scope: str = "mine"  # whose jobs the rows are: "mine", "accounts", "all"
    backend: str = ""  # "pyslurm", "commands", "local"
    source: str = ""  # which call gave the rows
    cluster: str = ""
    scheduler_version: str = ""
    user: str = ""
    accounts: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    jobs: int | None = None  # records of the queue; None before the first answer
    finished: int | None = None  # finished jobs kept beside the queue
    unread: int = 0  # records of the last reading that were not understood
    unread_sample: str = ""
    calls_per_minute: float | None = None
    controller_ms_per_minute: float | None = None
    collector_cpu: float | None = None  # share of one core, over the last minutes
    notes: tuple[str, ...] = ()  # lesser troubles: "nodes: ...", "accounting: ..."

    @property
    def stale(self) -> bool:
        """Whether the rows may be older than they should be."""
        return self.phase != "live"

    @property
    def is_local(self) -> bool:
        """Whether the site is this machine, without Slurm."""
        return self.backend == "local"

    @property
    def site(self) -> str:
        """The site's name, as it is said after "on"; empty while unknown."""
        return "this machine" if self.is_local and self.cluster in ("", "local") else self.cluster

    @property
    def scheduler(self) -> str:
        """Who is asked, in a sentence."""
        return "the scheduler" if self.is_local else "Slurm"

    def feature(self, name: str) -> Feature | None:
        """A feature by name, None while unknown."""
        return next((feature for feature in self.features if feature.name == name), None)


STARTING = Link()
"""The link before the collector has said anything."""
