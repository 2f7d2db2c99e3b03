"""What a collector is told when it starts, as the head of its first frame."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

RESTART = 75
"""Exit code that asks to be started again: libslurm reads slurm.conf once in a process's life."""


class Start(NamedTuple):
    """The settings of one collector: plain JSON values only, so that spawning it stays cheap."""

    backend: str = "auto"  # "auto", "pyslurm", "commands", "local" or "module:factory"
    ssh: str | None = None  # reach the site's commands through this host
    local: Mapping[str, Any] | None = None  # LocalSite.head(), for the backend "local"
    scope: str = "mine"
    stage_rules: Sequence[Mapping[str, str]] = ()
    finished_hours: float = 12.0  # how long jobs that have ended stay in the list
    most_finished: int = 5000
    fastest_s: float = 2.0  # the queue's shortest and longest cadence
    slowest_s: float = 30.0
    controller_ms_per_minute: float = 0.0  # what all readings may cost; 0: by the queue's size
    usage_jobs: int = 20  # at most so many jobs are asked for their live usage
    history: str | None = None  # the file of the history; None: it is off
    site: str = ""  # the site's name in it; "": its cluster's
    history_days: float = 14.0  # how far back accounting is read the first time
    kept: Sequence[Sequence[int]] = ()  # [id, end time] of ended jobs an earlier collector showed
    gpu: Mapping[str, Any] | None = None  # GpuSources.head(): where GPU figures come from

    def head(self) -> dict[str, Any]:
        """The head of the ``start`` frame."""
        return self._asdict()

    @classmethod
    def from_head(cls, head: Mapping[str, Any]) -> "Start":
        """What the frame says; fields unknown to this release are left out."""
        return cls(**{name: head[name] for name in cls._fields if name in head})
