"""Jobs of a phase that differ in their words only go out as one array; phases wait for phases."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from jobshape.app.rounds.expanding import PlannedJob, Recipe, recipes

if TYPE_CHECKING:
    from jobshape.app.domain.shape import JobShape
    from jobshape.app.rounds.manifest import Manifest, Phase

ARRAY_TASKS = 1000
"""Tasks of one array where the site's MaxArraySize is not known (Slurm's default is 1001)."""


@dataclass(frozen=True, slots=True)
class ArrayPlan:
    """One submission: an array, or a single job where ``tasks`` is 1."""

    name: str  # unique in the manifest: phase.1
    recipes: tuple[Recipe, ...]  # whose jobs it is a part of
    first: int  # how many of their jobs stand before its own
    tasks: int
    at_once: int | None
    after_ok: tuple[str, ...]  # names of arrays that must have succeeded
    after: str  # name of an array that must have ended, however; empty: none

    @property
    def recipe(self) -> Recipe:
        """What all its jobs have in common."""
        return self.recipes[0]

    @property
    def shape(self) -> "JobShape":
        """What each of its jobs asks for."""
        return self.recipe.shape

    @property
    def array(self) -> str:
        """sbatch's ``--array``: ``0-35%4``; empty for a single job."""
        if self.tasks == 1:
            return ""
        percent = f"%{self.at_once}" if self.at_once and self.at_once < self.tasks else ""
        return f"0-{self.tasks - 1}{percent}"

    def jobs(self) -> Iterator[PlannedJob]:
        """Its jobs by task id, from 0: the table of argument lines."""
        every = (job for recipe in self.recipes for job in recipe.jobs())
        return islice(every, self.first, self.first + self.tasks)


def group(manifest: "Manifest", most_tasks: int = ARRAY_TASKS) -> Iterator[ArrayPlan]:
    """All submissions, each behind those it waits for. Phases must not wait in a circle."""
    sent: dict[str, tuple[str, ...]] = {}
    for phase in in_order(manifest):
        waits = tuple(name for before in phase.depends_on for name in sent[before])
        own = list(_arrays(manifest, phase, waits, most_tasks))
        sent[phase.name] = tuple(one.name for one in own)
        yield from own


def in_order(manifest: "Manifest") -> Iterator["Phase"]:
    """Phases, each behind those it depends on, else as they are written."""
    left = list(manifest.phases)
    done: set[str] = set()
    while left:
        phase = next(one for one in left if done.issuperset(one.depends_on))
        left.remove(phase)
        done.add(phase.name)
        yield phase


def _arrays(
    manifest: "Manifest", phase: "Phase", waits: tuple[str, ...], most_tasks: int
) -> Iterator[ArrayPlan]:
    kinds: dict[object, list[Recipe]] = {}
    for recipe in recipes(manifest, phase):
        kinds.setdefault(recipe.kind, []).append(recipe)
    at_once = manifest.parallel_of(phase)
    number = 0
    for alike in kinds.values():
        total = sum(1 for recipe in alike for _ in recipe.points())
        before = ""
        for first in range(0, total, most_tasks):
            number += 1
            name = f"{phase.name}.{number}"
            tasks = min(most_tasks, total - first)
            yield ArrayPlan(name, tuple(alike), first, tasks, at_once, waits, before)
            # Parts of one array together keep to what may run at once.
            before = name if at_once else ""
