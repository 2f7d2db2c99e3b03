"""What is known of the world around a submission when its rules are applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from jobshape.app.domain.site_facts import SiteFacts


class Source(NamedTuple):
    """A Python file that the script runs."""

    line: int  # of the script that runs it
    path: str  # as it stands there
    text: str
    trouble: str = ""  # why it could not be read


class Need(NamedTuple):
    """An input that a ``# NEEDS:`` comment names."""

    line: int
    path: str  # as it stands there
    is_there: bool | None  # None: could not be told, and why
    why: str = ""


class Output(NamedTuple):
    """Where the job will write its log."""

    folder: str
    trouble: str = ""  # why nothing can be written there; "" if all is well
    unsure: str = ""  # why that cannot be told
    missing: bool = False  # whether the trouble is a folder that is not there, but could be made
    free_bytes: int | None = None
    free_files: int | None = None  # that can still be made; None: the file system does not say


class Quota(NamedTuple):
    """One line of quota(1). Sizes in bytes; None: no such limit."""

    file_system: str
    used_bytes: int
    soft_bytes: int | None
    hard_bytes: int | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the disks say; ``trouble``: why they were not asked, or not to the end."""

    trouble: str = ""
    sources: tuple[Source, ...] = ()
    needs: tuple[Need, ...] = ()
    output: Output | None = None
    quotas: tuple[Quota, ...] | None = None
    quota_trouble: str = ""
    groups: tuple[str, ...] | None = None  # of the user, on this machine


class Sent(NamedTuple):
    """An earlier submission of the same script."""

    job_id: int
    partition: str
    array: str
    state: str  # "" where nobody knows
    same: bool  # the same text with the same arguments, not only the same configuration


@dataclass(frozen=True, slots=True)
class PastFacts:
    """What history says of this script; ``trouble``: why nothing is known."""

    trouble: str = ""
    sent: tuple[Sent, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. site None: it was not asked; ``site_trouble`` says why."""

    site: SiteFacts | None = None
    site_trouble: str = ""
    files: FileFacts = field(default_factory=FileFacts)
    past: PastFacts = field(default_factory=PastFacts)
    roles: Mapping[str, str] = field(default_factory=dict)  # partition -> role, as the page says
    told_by: str = ""  # how jobshape itself tells of a job's end; "" if it does not
    ahead: int = 0  # submissions of the same plan that go before this one
    replaced: frozenset[int] = frozenset()  # ids of jobs that end once this one is sent
    most_jobs: int = 0  # of one person in the queue, as the site's page says; 0: not known

    def why_no(self, part: str) -> str:
        """Why a part of what the site says is not known."""
        return self.site.why_no(part) if self.site else self.site_trouble or "not asked"

    @property
    def smoke_partitions(self) -> tuple[str, ...]:
        """Partitions for short trials."""
        return tuple(name for name, role in self.roles.items() if role == "smoke")
