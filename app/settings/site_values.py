"""A site's page as plain values: every field with its default, its limits and what it is for.

Validation, the template and the reference of a page are made from these classes, as the settings'
are from :mod:`values`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from jobshape.app.settings.values import Declared, setting


@dataclass(frozen=True, slots=True)
class PageSlurm:
    """How to reach a Slurm site."""

    backend: Literal["auto", "pyslurm", "commands"] = setting(
        "auto", "How to talk to it: `pyslurm`, `commands`, or what works (`site.backend`)."
    )
    ssh: str = setting(
        "",
        "Run Slurm's commands on this host; empty: here (or `site.ssh`).",
        example="login1",
        pattern=r"^([A-Za-z0-9_.:@\[\]%][A-Za-z0-9_.:@\[\]%-]*)?$",
    )


@dataclass(frozen=True, slots=True)
class PageLocal:
    """How this machine runs jobs without Slurm."""

    folder: str = setting(
        "",
        "Where the queue and the logs of its scheduler are kept; empty: in your state folder.",
        example="/data/jobshape",
    )
    gpus: str = setting(
        "auto",
        "`auto`: those that NVML finds; `none`; or the path of a recorded NVML.",
        min_length=1,
    )
    gpu_busy: str = setting(
        "500M",
        "A GPU with more of its memory in use is somebody else's: ours waits.",
        measure="size",
    )
    idle_exit: str = setting(
        "10:00", "The scheduler ends when its queue was empty for so long.", measure="duration"
    )
    keep_finished: str = setting(
        "14-00:00:00", "How long finished jobs are remembered.", measure="duration"
    )


@dataclass(frozen=True, slots=True)
class PageLimits:
    """What one person may use at a time. On the local site it is what jobs get together."""

    cpus: int = setting(0, "CPUs; 0: as found.", ge=0)
    memory: str = setting("", "Memory; empty: as found.", example="64G", measure="size")
    gpus: int | None = setting(None, "GPUs; not for a local site.", example=4, ge=0)
    jobs: int = setting(0, "Jobs in the queue; 0: no limit known.", ge=0)


@dataclass(frozen=True, slots=True)
class PageUsage:
    """Where figures of running jobs come from, beside Slurm."""

    dcgm_url: str = setting(
        "",
        "GPU figures of DCGM: a Prometheus server, or with `{node}` each node's dcgm-exporter.",
        example="http://{node}:9400/metrics",
        pattern=r"^(https?://[A-Za-z0-9._{}-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/{}-]*)?)?$",
    )


@dataclass(frozen=True, slots=True)
class PageCost:
    """What the site charges; what is left out is not known, and never taken for 0."""

    currency: str = setting("", "What the prices are in.", example="EUR", max_length=12)
    cpu_hour: float | None = setting(None, "One CPU for an hour.", example=0.02, ge=0)
    gpu_hour: float | None = setting(None, "One GPU for an hour.", example=1.2, ge=0)
    memory_gib_hour: float | None = setting(
        None, "One GiB of memory for an hour.", example=0.003, ge=0
    )


@dataclass(frozen=True, slots=True)
class PagePartition:
    """A partition of the site and what it is for; the first one is a local site's default."""

    name: str = setting(
        "", "Its name.", required=True, example="main", pattern=r"^[A-Za-z0-9_.-]+$"
    )
    role: Literal["smoke", "production", "long"] = setting(
        "production", "What it is for: `smoke` (short trials), `production` or `long`."
    )
    time_limit: str = setting(
        "",
        "The longest a job may ask for; empty: no limit known.",
        example="2:30:00",
        measure="duration",
    )
    default_time: str = setting(
        "", "What a job gets that asks for no time.", example="30:00", measure="duration"
    )
    default_memory: str = setting(
        "", "What a job gets per node that asks for no memory.", example="1G", measure="size"
    )
    max_jobs: int = setting(0, "Jobs of one person at a time; 0: no limit known.", ge=0)
    head_start: str = setting(
        "",
        "Local sites: how much longer its jobs count as having waited.",
        example="4:00:00",
        measure="duration",
    )


@dataclass(frozen=True, slots=True)
class SitePage:
    """A place where jobs run. What is not written there is not known, or as found."""

    title: str = setting("", "What people call it.", example="The GPU cluster", max_length=80)
    kind: Literal["slurm", "local", "planning"] = setting(
        "slurm",
        "`slurm`, `local` (this machine), or `planning`: known, but jobshape cannot submit there.",
        required=True,
    )
    notes: str = setting("", "What to know before using it.", example="Ask for an account first.")
    slurm: PageSlurm = field(default_factory=PageSlurm)
    local: PageLocal = field(default_factory=PageLocal)
    limits: PageLimits = field(default_factory=PageLimits)
    usage: PageUsage = field(default_factory=PageUsage)
    cost: PageCost = field(default_factory=PageCost)
    partitions: tuple[PagePartition, ...] = setting((), "Its partitions.")


_SECTIONS: Mapping[str, type] = {
    "slurm": PageSlurm,
    "local": PageLocal,
    "limits": PageLimits,
    "usage": PageUsage,
    "cost": PageCost,
}


def page_fields() -> Iterator[Declared]:
    """Every field of a page, tables unfolded, in the order declared."""
    for outer in fields(SitePage):
        if outer.name in _SECTIONS:
            for inner in fields(_SECTIONS[outer.name]):
                yield Declared(f"{outer.name}.{inner.name}", inner.default, inner.metadata)
        elif outer.name == "partitions":
            for inner in fields(PagePartition):
                yield Declared(f"partitions.{inner.name}", inner.default, inner.metadata)
        else:
            yield Declared(outer.name, outer.default, outer.metadata)


def build_page(values: Mapping[str, Any]) -> SitePage:
    """A page from nested plain values that are known to be valid; what is missing is default."""
    made: dict[str, Any] = {}
    for key, value in values.items():
        if key in _SECTIONS:
            made[key] = _SECTIONS[key](**value)
        elif key == "partitions":
            made[key] = tuple(PagePartition(**partition) for partition in value)
        else:
            made[key] = value
    return SitePage(**made)
