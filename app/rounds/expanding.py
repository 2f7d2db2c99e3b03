"""From a manifest to its jobs, one after the other: nothing is kept of a job that was handed on."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from jobshape.app.domain.shape import JobShape
from jobshape.app.rounds.filling import Fill, fill_all
from jobshape.app.rounds.yaml_text import Key, Problem

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest import Grid, Job, Manifest, Phase, Smoke, Stage
    from jobshape.app.rounds.manifest_checks import OutputCheck, Precondition

MOST_JOBS = 1_000_000
"""Jobs of one manifest."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+,@-]{0,199}")
"""An id becomes a part of job and file names, and of a comment."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What jobs made from one place of the manifest have in common."""

    key: Key  # of the place
    phase: str
    stage: str
    shape: JobShape
    script: str  # empty: it is a command
    form: tuple[str, ...]  # the command's words, not filled in
    parameters: tuple[str, ...]
    _job: "Job"
    _stage: "Stage"
    _phase: "Phase"
    _known: Mapping[str, str] = field(default_factory=dict)
    _grid: "Grid | None" = None

    @property
    def kind(self) -> tuple[str, JobShape, str, tuple[str, ...]]:
        """Jobs of the same kind differ in their words only: they can be one array."""
        return self.stage, self.shape, self.script, self.form

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words behind the script or command, not filled in."""
        return tuple(self._job.args)

    def jobs(self) -> Iterator["PlannedJob"]:
        """Its jobs, in order."""
        names = Fill(self._job.id)
        words = fill_all((*self.form, *self._job.args))
        for point in self.points():
            values = {**self._known, **dict(zip(self.parameters, point, strict=True))}
            values["id"] = names(values)
            yield PlannedJob(values["id"], self, point, words(values))

    def points(self) -> Iterator[tuple[str, ...]]:
        """The parameters' values of each job."""
        if self._grid is None:
            yield ()
            return
        left_out = _sieve(self._grid.exclude, self.parameters)
        for point in product(*self._grid.parameters.values()):
            if not any(tuple([point[i] for i in at]) in out for at, out in left_out.items()):
                yield point
        for added in self._grid.include:
            yield tuple(added[name] for name in self.parameters)


def _sieve(
    excluded: tuple[dict[str, str], ...], parameters: tuple[str, ...]
) -> dict[tuple[int, ...], set[tuple[str, ...]]]:
    """Excluded values by the parameters they name: one look-up for each set of names."""
    made: dict[tuple[int, ...], set[tuple[str, ...]]] = {}
    for point in excluded:
        at = tuple(i for i, name in enumerate(parameters) if name in point)
        made.setdefault(at, set()).add(tuple(point[parameters[i]] for i in at))
    return made


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One job: what runs, and where it is from."""

    id: str
    recipe: Recipe
    point: tuple[str, ...]  # values of the recipe's parameters
    words: tuple[str, ...]  # of the command with its arguments; of a script, its arguments

    @property
    def values(self) -> dict[str, str]:
        """What ``${name}`` stands for in this job."""
        own = dict(zip(self.recipe.parameters, self.point, strict=True))
        return {**self.recipe._known, **own, "id": self.id}

    @property
    def output_check(self) -> "OutputCheck | None":
        """What its output has to be, filled in."""
        check = self.recipe._job.output_check or self.recipe._stage.output_check
        return check and _filled(check, self.values)

    @property
    def preconditions(self) -> tuple["Precondition", ...]:
        """What has to hold before it is sent, filled in: the phase's, then its own."""
        conditions = (*self.recipe._phase.preconditions, *self.recipe._job.preconditions)
        return tuple(_filled(one, self.values) for one in conditions)

    def filled(self, part: Any) -> Any:
        """Any part of the manifest (a metric, say) with its references filled in for this job."""
        return _filled(part, self.values)

    def smoke(self, smoke: "Smoke") -> "SmokeRun":
        """What it is when it runs short."""
        said = self.filled(smoke)
        start = len(self.recipe.form)
        arguments = _overridden(self.words[start:], said.options)
        shape = smoke.shape.values.over(self.recipe.shape)
        if smoke.partition:
            shape = JobShape(partition=smoke.partition).over(shape)
        words = (*self.words[:start], *arguments, *said.arguments)
        return SmokeRun(words, shape, said.variables)


class SmokeRun(NamedTuple):
    """A job as it runs short."""

    words: tuple[str, ...]  # as of a PlannedJob
    shape: JobShape
    variables: Mapping[str, str]  # of the environment


def _overridden(words: tuple[str, ...], options: Mapping[str, str]) -> list[str]:
    """Words with other values for options, as ``--steps 20`` or ``--steps=20``; new ones behind."""
    made: list[str] = []
    left, at = dict(options), 0
    while at < len(words):
        name, equals, _ = words[at].partition("=")
        if name in options:
            made += [f"{name}={options[name]}"] if equals else [name, options[name]]
            has_value = not equals and not "".join(words[at + 1 : at + 2]).startswith("--")
            at += 2 if has_value else 1
            left.pop(name, None)
        else:
            made.append(words[at])
            at += 1
    for name, value in left.items():
        made += [name, value]
    return made


def _filled(part: Any, values: Mapping[str, str]) -> Any:
    """A part of the manifest with every reference filled in; itself where it has none."""
    if isinstance(part, str):
        return Fill(part)(values)
    if isinstance(part, tuple):
        return tuple(_filled(item, values) for item in part)
    if isinstance(part, dict):
        return {name: _filled(item, values) for name, item in part.items()}
    if hasattr(part, "model_copy"):
        names = type(part).model_fields
        return part.model_copy(update={n: _filled(getattr(part, n), values) for n in names})
    return part


def recipes(manifest: "Manifest", phase: "Phase") -> Iterator[Recipe]:
    """What makes the jobs of a phase: a recipe for each one named by hand, and one for the grid."""
    at = manifest.phases.index(phase)
    known = {"phase": phase.name, "project": manifest.project}
    for number, job in enumerate(phase.jobs):
        yield _recipe(manifest, phase, job, ("phases", at, "jobs", number), known, None)
    if phase.grid is not None:
        key = ("phases", at, "grid", "template")
        yield _recipe(manifest, phase, phase.grid.template, key, known, phase.grid)


def _recipe(
    manifest: "Manifest", phase: "Phase", job: "Job", key: Key, known: Mapping[str, str],
    grid: "Grid | None",
) -> Recipe:  # fmt: skip
    stage = manifest.stage_of[job.stage or phase.stage or manifest.stages[0].name]
    script = "" if job.cmd else stage.script or ""
    return Recipe(
        key, phase.name, stage.name, job.shape.values.over(stage.shape.values), script,
        job.cmd or (() if script else stage.command or ()),
        tuple(grid.parameters) if grid else (), job, stage, phase, known, grid,
    )  # fmt: skip


def expand(manifest: "Manifest") -> Iterator[PlannedJob]:
    """Every job in the order of phases. Raises Problem for an id that is none or there twice."""
    seen: dict[str, tuple[int, int]] = {}  # id -> number of its recipe, and which of its jobs
    every: list[Recipe] = []
    for phase in manifest.phases:
        for recipe in recipes(manifest, phase):
            every.append(recipe)
            for number, job in enumerate(recipe.jobs()):
                if not _ID.fullmatch(job.id):
                    raise _bad_id(job)
                if job.id in seen:
                    raise _clash(job, every, seen[job.id])
                if len(seen) >= MOST_JOBS:
                    raise Problem(f"makes more than {MOST_JOBS:,} jobs", key=recipe.key[:3])
                seen[job.id] = (len(every) - 1, number)
                yield job


def _bad_id(job: PlannedJob) -> Problem:
    return Problem(
        f"{_named(job)} cannot be an id", key=(*job.recipe.key, "id"),
        hint="letters, digits and . _ = + , @ -, 200 at most; a letter or digit first",
    )  # fmt: skip


def _clash(job: PlannedJob, every: list[Recipe], first: tuple[int, int]) -> Problem:
    other = next(one for at, one in enumerate(every[first[0]].jobs()) if at == first[1])
    what = f"the id {_named(job)} is that of {_named(other)} of phase {other.recipe.phase!r} too"
    hint = "name every parameter in the template's id" if job.point else "give each its own id"
    return Problem(what, key=(*job.recipe.key, "id"), hint=hint)


def _named(job: PlannedJob) -> str:
    if not job.point:
        return repr(job.id)
    pairs = zip(job.recipe.parameters, job.point, strict=True)
    return f"{job.id!r} ({', '.join(f'{name}={value}' for name, value in pairs)})"
