"""Which GPU sources a site has: what the settings and the site's page say."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class GpuSources(NamedTuple):
    """Where GPU figures may come from, beside Slurm itself."""

    dcgm_url: str = ""  # a Prometheus server, or with {node} in it each node's dcgm-exporter
    probe: bool = True  # run nvidia-smi inside a job that is looked at, once a minute

    def head(self) -> dict[str, Any]:
        """The same as plain values, for a collector."""
        return self._asdict()

    @classmethod
    def from_head(cls, head: Mapping[str, Any] | None) -> "GpuSources":
        """What a head says; fields unknown to this release are left out."""
        head = head or {}
        return cls(**{name: head[name] for name in cls._fields if name in head})


DEFAULT_SOURCES = GpuSources()
"""What holds where neither a setting nor a page says anything."""
