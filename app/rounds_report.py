"""``jobshape rounds plan``: what a manifest expands to, as text or JSON; sends nothing."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobshape.app.domain.cost import Prices, cost_per_hour, gpu_count
from jobshape.app.domain.entry import show_entry
from jobshape.app.domain.errors import BadRequest, ConfigError, JobshapeError
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.domain.text import sanitize
from jobshape.app.rounds.expanding import PlannedJob, expand
from jobshape.app.rounds.grouping import ArrayPlan, group, in_order
from jobshape.app.rounds.reading import MANIFEST_NAME, ManifestFile, read_manifest
from jobshape.app.rounds.yaml_text import Problem
from jobshape.app.settings.values import Loaded
from jobshape.app.text_table import Title, lay_out

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest import Phase

SCHEMA = "jobshape.plan/1"


_TITLES: tuple[Title, ...] = (
    ("PHASE", "left"), ("JOBS", "right"), ("ARRAYS", "right"), ("AT ONCE", "right"),
    ("CPU-H", "right"), ("GPU-H", "right"), ("DEPENDS ON", "left"), ("SHAPE", "left"),
)  # fmt: skip


@dataclass(slots=True)
class Totals:
    """What jobs use at most: their walltime limits. None: a shape leaves something open."""

    jobs: int = 0
    cpu_hours: float | None = 0.0
    gpu_hours: float | None = 0.0
    cost: float | None = 0.0

    def add(self, shape: JobShape, jobs: int, prices: Prices) -> None:
        """Count jobs of this shape."""
        limit_s = shape.time_limit_s
        hours = limit_s / 3600 if limit_s is not None and limit_s > 0 else None
        cpus = (shape.tasks or 1) * (shape.cpus_per_task or 1)
        gpus = (shape.nodes or 1) * gpu_count(shape.gpus)
        self.jobs += jobs
        self.cpu_hours = _plus(self.cpu_hours, hours, cpus * jobs)
        self.gpu_hours = _plus(self.gpu_hours, hours if gpus else 0.0, gpus * jobs)
        rate = cost_per_hour(shape, prices)
        self.cost = None if rate is None else _plus(self.cost, hours, rate * jobs)


def _plus(sum_: float | None, hours: float | None, times: float) -> float | None:
    return None if sum_ is None or hours is None else sum_ + hours * times


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """What a phase sends."""

    phase: "Phase"
    arrays: tuple[ArrayPlan, ...]
    totals: Totals
    examples: tuple[PlannedJob, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a manifest expands to."""

    file: ManifestFile
    phases: tuple[PhasePlan, ...]
    totals: Totals
    prices: Prices
    over: tuple[str, ...] = field(default=())  # parts of the budget that the limits may pass


def run_plan(
    load: Callable[[], Loaded], manifest: str | None, *, phase: str, limit: int, as_json: bool,
    say: Callable[..., None],
) -> int:  # fmt: skip
    """Print the plan. Raises JobshapeError; load: loads the settings."""
    file = read_manifest(Path(manifest or MANIFEST_NAME))
    plan = make_plan(file, _prices(load(), file), phase=phase, limit=limit)
    if as_json:
        say(json.dumps(document(plan, limit), indent=1))
    else:
        say(*text(plan))
    return 0


def make_plan(file: ManifestFile, prices: Prices, *, phase: str = "", limit: int = 3) -> Plan:
    """Expand all of a manifest. limit: jobs of a phase that are shown. Raises ManifestError."""
    manifest = file.manifest
    names = [one.name for one in manifest.phases]
    if phase and phase not in names:
        from jobshape.app.rounds.checking import near

        raise BadRequest(f"{phase!r} is no phase of the manifest", hint=near(phase, names))
    try:
        for _ in expand(manifest):  # looks at every id
            pass
    except Problem as problem:
        raise file.error([problem]) from problem
    arrays: dict[str, list[ArrayPlan]] = {name: [] for name in names}
    for array in group(manifest):
        arrays[array.recipe.phase].append(array)
    if empty := [name for name in names if not arrays[name]]:
        key = ("phases", names.index(empty[0]), "grid", "exclude")
        raise file.error([Problem("leaves out every job of the phase", key=key)])
    totals, phases = Totals(), []
    for one in in_order(manifest):
        own = Totals()
        for array in arrays[one.name]:
            own.add(array.shape, array.tasks, prices)
            totals.add(array.shape, array.tasks, prices)
        jobs = (job for array in arrays[one.name] for job in array.jobs())
        if phase in ("", one.name):
            phases.append(PhasePlan(one, tuple(arrays[one.name]), own, tuple(islice(jobs, limit))))
    over = []
    budget = manifest.budget
    if budget.gpu_hours is not None and (totals.gpu_hours or 0) > budget.gpu_hours:
        over.append(f"GPU-hours at the limits ({totals.gpu_hours:,.1f}) pass the budget's "
                    f"{budget.gpu_hours:,.1f}")  # fmt: skip
    if budget.money is not None and (totals.cost or 0) > budget.money:
        over.append(f"the cost at the limits ({totals.cost:,.2f}) passes the budget's "
                    f"{budget.money:,.2f}")  # fmt: skip
    return Plan(file, tuple(phases), totals, prices, tuple(over))


def _prices(loaded: Loaded, file: ManifestFile) -> Prices:
    """What the site charges, as far as its page is known; asks nobody."""
    from jobshape.app.settings.pages import find_page
    from jobshape.app.sites import choose_site

    named, typed = loaded.settings.site.name, file.manifest.site
    if typed != "auto" and not loaded.origins["site.name"].startswith("command line"):
        try:
            return Prices(**find_page(typed).said.get("cost", {}))
        except ConfigError as error:
            raise file.error([Problem(error.what, key=("site",), hint=error.hint)]) from error
    if named != "auto":
        return Prices(**find_page(named).said.get("cost", {}))
    try:
        return choose_site(loaded).prices
    except JobshapeError:
        return Prices()  # a plan needs no site


def text(plan: Plan) -> Iterator[str]:
    """Lines for people: what it is made from, a table by phase, examples, totals."""
    manifest = plan.file.manifest
    yield f"{manifest.project}: {_of(plan.totals.jobs, 'job')} in {len(manifest.phases)} phases"
    for one in plan.phases:
        yield f"  {one.phase.name}: {_made_from(one)}"
    yield ""
    yield from lay_out(_TITLES, [row for one in plan.phases for row in _rows(plan, one)])
    for one in plan.phases:
        yield ""
        yield f"{one.phase.name}, its first jobs:" if one.examples else f"{one.phase.name}"
        yield from (f"  {line}" for job in one.examples for line in _example(job))
        if (left := one.totals.jobs - len(one.examples)) > 0:
            yield f"  and {left:,} more"
    yield ""
    yield from _totals(plan)


def _made_from(one: PhasePlan) -> str:
    parts = []
    if one.phase.jobs:
        parts.append(f"{_of(len(one.phase.jobs), 'job')} named by hand")
    if grid := one.phase.grid:
        made = one.totals.jobs - len(one.phase.jobs)
        names = " x ".join(f"{name}={_listed(v)}" for name, v in grid.parameters.items())
        less = f", {len(grid.exclude)} excludes" if grid.exclude else ""
        more = f", {len(grid.include)} includes" if grid.include else ""
        parts.append(f"{_of(made, 'job')} from {names}{less}{more}")
    return ", ".join(parts)


def _listed(values: Sequence[str]) -> str:
    shown = [sanitize(one)[:30] for one in values]
    if len(shown) > 6:
        shown = [*shown[:3], "...", shown[-1]]
        return f"[{', '.join(shown)}] ({len(values):,})"
    return f"[{', '.join(shown)}]"


def _of(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _rows(plan: Plan, one: PhasePlan) -> Iterator[list[str]]:
    """A line for the phase; its shapes below each other."""
    shapes = list(dict.fromkeys(_shape(array.shape) for array in one.arrays))
    at_once = plan.file.manifest.parallel_of(one.phase)
    yield [
        one.phase.name, f"{one.totals.jobs:,}", f"{len(one.arrays):,}",
        f"{at_once:,}" if at_once else "-", _hours(one.totals.cpu_hours),
        _hours(one.totals.gpu_hours), ", ".join(one.phase.depends_on) or "-", shapes[0],
    ]  # fmt: skip
    for shape in shapes[1:]:
        yield ["", "", "", "", "", "", "", shape]


def _shape(shape: JobShape) -> str:
    said = [
        f"--{FIELD_OF[name].option}={'gpu:' if name == 'gpus' and value != '0' else ''}"
        f"{show_entry(FIELD_OF[name].kind, value)}"
        for name, value in shape.said()
    ]
    return " ".join(said) or "-"


def _example(job: PlannedJob) -> Iterator[str]:
    import shlex

    words = (job.recipe.script, *job.words) if job.recipe.script else job.words
    yield f"{job.id}: {sanitize(shlex.join(words))}"


def _hours(hours: float | None) -> str:
    return "-" if hours is None else f"{hours:,.1f}"


def _totals(plan: Plan) -> Iterator[str]:
    totals = plan.totals
    said = f"At the walltime limits: {_hours(totals.cpu_hours)} CPU-hours, "
    said += f"{_hours(totals.gpu_hours)} GPU-hours"
    if plan.prices.known:
        cost = "-" if totals.cost is None else f"{totals.cost:,.2f}"
        said += f", {cost} {plan.prices.currency}".rstrip()
    yield said
    if totals.cpu_hours is None:
        yield "  - : a shape says no walltime, so nothing is known"
    for line in plan.over:
        yield f"! {line}"


def document(plan: Plan, limit: int) -> dict[str, Any]:
    """The plan for scripts; ``jobs`` of a phase holds the first ``limit``."""
    manifest = plan.file.manifest
    return {
        "schema": SCHEMA,
        "project": manifest.project,
        "site": manifest.site,
        "manifest": str(plan.file.path),
        "totals": _totals_of(plan.totals, plan.prices),
        "over_budget": list(plan.over),
        "limit": limit,
        "phases": [_phase(one, plan) for one in plan.phases],
    }


def _totals_of(totals: Totals, prices: Prices) -> dict[str, Any]:
    return {
        "jobs": totals.jobs,
        "cpu_hours": totals.cpu_hours,
        "gpu_hours": totals.gpu_hours,
        "cost": totals.cost if prices.known else None,
        "currency": prices.currency or None,
    }


def _phase(one: PhasePlan, plan: Plan) -> dict[str, Any]:
    grid = one.phase.grid
    return {
        "name": one.phase.name,
        "depends_on": list(one.phase.depends_on),
        "max_parallel": plan.file.manifest.parallel_of(one.phase),
        "parameters": {name: list(v) for name, v in grid.parameters.items()} if grid else {},
        "totals": _totals_of(one.totals, plan.prices),
        "arrays": [
            {
                "name": array.name, "stage": array.recipe.stage, "jobs": array.tasks,
                "array": array.array or None, "shape": dict(array.shape.said()),
                "script": array.recipe.script or None,
                "command": list(array.recipe.form) or None,
                "after_ok": list(array.after_ok), "after": array.after or None,
            }
            for array in one.arrays
        ],
        "jobs": [_job(job) for job in one.examples],
    }  # fmt: skip


def _job(job: PlannedJob) -> dict[str, Any]:
    check = job.output_check
    return {
        "id": job.id,
        "stage": job.recipe.stage,
        "parameters": dict(zip(job.recipe.parameters, job.point, strict=True)),
        "script": job.recipe.script or None,
        "words": list(job.words),
        "output_check": check and check.model_dump(mode="json", by_alias=True, exclude_none=True),
        "preconditions": [
            one.model_dump(mode="json", exclude_none=True) for one in job.preconditions
        ],
    }
