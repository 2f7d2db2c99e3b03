"""What is wrong with a manifest, in words: unknown names, references, phases in a circle."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from jobshape.app.rounds.filling import Fill, references
from jobshape.app.rounds.manifest import Job, Manifest, Phase
from jobshape.app.rounds.manifest_fields import PARAMETER
from jobshape.app.rounds.yaml_text import Document, Key, Problem
from pydantic import BaseModel, ValidationError

BUILT_IN = ("id", "phase", "project")
"""References that every job knows."""

_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text, not {given}",
    "tuple_type": "must be a list, not {given}",
    "dict_type": "must be a mapping (name: value), not {given}",
    "model_type": "must be a mapping (name: value), not {given}",
    "literal_error": "must be {expected}, not {given}",
    "greater_than_equal": "must be {ge:g} or more, not {given}",
    "greater_than": "must be more than {gt:g}, not {given}",
    "less_than": "must be less than {lt:g}, not {given}",
    "less_than_equal": "must be {le:g} or less, not {given}",
    "string_pattern_mismatch": "must be letters, digits, - _ and . (64 at most), not {given}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have {max_length} characters at most",
    "too_short": "must not be empty",
    "finite_number": "must be a finite number, not {given}",
}


def check(document: Document) -> tuple[Manifest | None, list[Problem]]:
    """The manifest a document says, and everything that is wrong with it."""
    values = document.values
    if not isinstance(values, dict):
        what = "is empty" if values is None else "must be a mapping (name: value)"
        hint = "`jobshape rounds plan --template` prints one"
        return None, [*document.problems, Problem(what, hint=hint)]
    try:
        manifest = Manifest.model_validate(values)
    except ValidationError as error:
        items = error.errors(include_url=False)
        broken = {item["loc"][:end] for item in items for end in range(len(item["loc"]))}
        # A list whose every item is wrong counts as too short: that is no news.
        told = (i for i in items if i["type"] != "too_short" or i["loc"] not in broken)
        found = [_problem(item) for item in told]
        return None, [*document.problems, *found]
    return manifest, [*document.problems, *_stages(manifest), *_phases(manifest), *_jobs(manifest)]


def _problem(error: Any) -> Problem:
    key: Key = tuple(part for part in error["loc"] if part != "[key]")
    kind, context, given = error["type"], error.get("ctx", {}), _shown(error["input"])
    if kind == "extra_forbidden":
        return Problem("is not known here", key=key, hint=near(str(key[-1]), _names_at(key[:-1])))
    if kind == "value_error":
        return Problem(str(context["error"]), key=key)
    if words := _WORDS.get(kind):
        return Problem(words.format(**context, given=given), key=key)
    return Problem(f"{error['msg'][0].lower()}{error['msg'][1:]}, not {given}", key=key)


def near(name: str, known: Iterable[str]) -> str:
    """What may have been meant."""
    names = list(known)
    found = get_close_matches(name, names, n=1)
    if found:
        return f"did you mean `{found[0]}`?"
    return f"known here: {', '.join(f'`{one}`' for one in names[:20])}" if names else ""


def _names_at(key: Key) -> list[str]:
    """The names that a mapping of the document may hold."""
    hint: Any = Manifest
    for part in key:
        hint = _model_in(hint)
        if hint is None:
            return []
        if isinstance(part, str):
            by_name = {f.alias or name: f.annotation for name, f in hint.model_fields.items()}
            hint = by_name.get(part)
    model = _model_in(hint)
    return [f.alias or name for name, f in model.model_fields.items()] if model else []


def _model_in(hint: Any) -> type[BaseModel] | None:
    if isinstance(hint, type) and get_origin(hint) is None:
        return hint if issubclass(hint, BaseModel) else None
    if get_origin(hint) in (tuple, Union, UnionType):
        return next((found for arg in get_args(hint) if (found := _model_in(arg))), None)
    return None


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _twice(names: Sequence[str], what: str, key: Key) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, name in enumerate(names):
        if name in seen:
            yield Problem(f"{name!r} is the name of an earlier {what} too", key=(*key, at, "name"))
        seen.add(name)


def _stages(manifest: Manifest) -> Iterator[Problem]:
    names = [stage.name for stage in manifest.stages]
    yield from _twice(names, "stage", ("stages",))
    yield from _twice([metric.name for metric in manifest.metrics], "metric", ("metrics",))
    for at, metric in enumerate(manifest.metrics):
        if metric.stage is not None and metric.stage not in names:
            what, hint = f"{metric.stage!r} is no stage of this manifest", near(metric.stage, names)
            yield Problem(what, key=("metrics", at, "stage"), hint=hint)
    for at, phase in enumerate(manifest.phases):
        holders: list[tuple[Key, Phase | Job]] = [(("phases", at), phase)]
        holders += [(key, job) for key, job in _jobs_of(at, phase)]
        for key, holder in holders:
            if holder.stage is not None and holder.stage not in names:
                hint = near(holder.stage, names)
                what = f"{holder.stage!r} is no stage of this manifest"
                yield Problem(what, key=(*key, "stage"), hint=hint)
            elif len(names) > 1 and isinstance(holder, Job) and not (holder.stage or phase.stage):
                yield Problem("has no stage", key=key, hint="name it here, or for the phase")


def _phases(manifest: Manifest) -> Iterator[Problem]:
    names = [phase.name for phase in manifest.phases]
    yield from _twice(names, "phase", ("phases",))
    for at, phase in enumerate(manifest.phases):
        for number, other in enumerate(phase.depends_on):
            if other not in names:
                key = ("phases", at, "depends_on", number)
                what = f"{other!r} is no phase of this manifest"
                yield Problem(what, key=key, hint=near(other, names))
    if circle := _circle({phase.name: phase.depends_on for phase in manifest.phases}):
        at = names.index(circle[0])
        what = f"phases wait for each other in a circle: {' -> '.join(circle)}"
        yield Problem(what, key=("phases", at, "depends_on"))


def _circle(waits: dict[str, tuple[str, ...]]) -> list[str]:
    """Phases of which each waits for the next, the first named again at the end; else empty.

    Those without anything open to wait for are taken away until nothing, or only circles, are left.
    """
    left = {name: [o for o in others if o in waits] for name, others in waits.items()}
    while ready := [name for name, others in left.items() if not any(o in left for o in others)]:
        for name in ready:
            del left[name]
    if not left:
        return []
    name, way = next(iter(left)), list[str]()
    while name not in way:
        way.append(name)
        name = next(other for other in left[name] if other in left)
    return [*way[way.index(name) :], name]


def _jobs_of(at: int, phase: Phase) -> Iterator[tuple[Key, Job]]:
    for number, job in enumerate(phase.jobs):
        yield ("phases", at, "jobs", number), job
    if phase.grid is not None:
        yield ("phases", at, "grid", "template"), phase.grid.template


def _jobs(manifest: Manifest) -> Iterator[Problem]:
    for at, phase in enumerate(manifest.phases):
        parameters: list[str] = list(phase.grid.parameters) if phase.grid else []
        yield from _grid(at, phase)
        for number, condition in enumerate(phase.preconditions):
            at_condition: Key = ("phases", at, "preconditions", number)
            yield from _references(condition, at_condition, ["phase", "project"])
        for key, job in _jobs_of(at, phase):
            known = [*BUILT_IN, *(parameters if key[-1] == "template" else ())]
            for name in ("args", "cmd", "output_check", "preconditions"):
                yield from _references(getattr(job, name), (*key, name), known)
            yield from _references(job.id, (*key, "id"), [n for n in known if n != "id"])
    for name in ("smoke", "metrics"):
        yield from _references(getattr(manifest, name), (name,), BUILT_IN)
    for at, stage in enumerate(manifest.stages):
        known = [*BUILT_IN, *_parameters_of(manifest, stage.name)]
        for name in ("output_check", "command", "smoke"):
            yield from _references(getattr(stage, name), ("stages", at, name), known)


def _parameters_of(manifest: Manifest, stage: str) -> list[str]:
    """The parameters that every job of a stage has."""
    sets: list[list[str]] = []
    for at, phase in enumerate(manifest.phases):
        for key, job in _jobs_of(at, phase):
            if (job.stage or phase.stage or manifest.stages[0].name) == stage:
                own = phase.grid.parameters if phase.grid and key[-1] == "template" else ()
                sets.append(list(own))
    return [name for name in sets[0] if all(name in own for own in sets)] if sets else []


def _grid(at: int, phase: Phase) -> Iterator[Problem]:
    if phase.grid is None:
        return
    parameters = phase.grid.parameters
    key: Key = ("phases", at, "grid")
    for name, values in parameters.items():
        here = (*key, "parameters", name)
        if not PARAMETER.fullmatch(name) or name in BUILT_IN:
            what = "is no name for a parameter: letters, digits and _; not id, phase, project"
            yield Problem(what, key=here)
        for number, value in enumerate(values):
            if value in values[:number]:
                yield Problem(f"{value!r} stands here twice", key=(*here, number))
    for number, name in enumerate(phase.grid.choose):
        here = (*key, "choose", number)
        if name not in parameters:
            yield _no_parameter(name, here, parameters)
        elif name in phase.grid.choose[:number]:
            yield Problem(f"{name!r} stands here twice", key=here)
    for number, point in enumerate(phase.grid.exclude):
        here = (*key, "exclude", number)
        if not point:
            yield Problem("names no parameter: it would leave out everything", key=here)
        for name, value in point.items():
            if name not in parameters:
                yield _no_parameter(name, (*here, name), parameters)
            elif value not in parameters[name]:
                hint = near(value, parameters[name])
                yield Problem(f"{value!r} is no value of {name!r}", key=(*here, name), hint=hint)
    for number, point in enumerate(phase.grid.include):
        here = (*key, "include", number)
        for name in point:
            if name not in parameters:
                yield _no_parameter(name, (*here, name), parameters)
        if missing := [name for name in parameters if name not in point]:
            yield Problem(f"has no value for {', '.join(missing)}", key=here)


def _no_parameter(name: str, key: Key, known: Iterable[str]) -> Problem:
    return Problem(f"{name!r} is no parameter of the grid", key=key, hint=near(name, known))


def _references(value: Any, key: Key, known: Sequence[str]) -> Iterator[Problem]:
    """References in the texts of a part of the manifest that nothing answers."""
    if isinstance(value, str):
        for name in references(value):
            if name not in known:
                what = f"${{{name}}} refers to nothing"
                hint = f"{near(name, known)}; $${{ stands for ${{ itself".removeprefix("; ")
                yield Problem(what, key=key, hint=hint)
        if problem := Fill.problem(value):
            yield Problem(problem, key=key)
    elif isinstance(value, tuple):
        for at, item in enumerate(value):
            yield from _references(item, (*key, at), known)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _references(item, (*key, name), known)
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _references(getattr(value, name), (*key, field.alias or name), known)
