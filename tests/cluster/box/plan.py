"""The plan of one box: what was asked for, written once and read by every process of the box."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from box.recipe import DEFAULT_RELEASE, RECIPES, Recipe


@dataclass(frozen=True, slots=True)
class Plan:
    """What a box is to be.

    big_nodes: nodes of partition `cloud`, shown as idle~ and run by nothing.
    min_job_age_s: how long slurmctld keeps finished jobs.
    private_data: slurm.conf's PrivateData, such as "jobs"; empty for none.
    cgroup_plugin: slurm's name for what the machine mounts, cgroup/v1 or cgroup/v2.
    """

    name: str
    release: str = DEFAULT_RELEASE
    big_nodes: int = 0
    min_job_age_s: int = 30
    private_data: str = ""
    cgroup_plugin: str = "autodetect"

    @property
    def recipe(self) -> Recipe:
        """The recipe of the release."""
        return RECIPES[self.release]

    @property
    def cluster(self) -> str:
        """The cluster's name in Slurm, such as box2605; the database wants no dots in it."""
        return f"box{self.release.replace('.', '')}"

    def save(self, path: Path) -> None:
        """Write the plan as JSON."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read a plan written by `save`."""
        return cls(**json.loads(path.read_text()))
