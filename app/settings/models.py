"""The settings as pydantic models, made from :mod:`values`, and pydantic's errors in plain words.

Imported only when a file has changed: pydantic costs 0.2 s.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from jobshape.app.domain.units import parse_duration, parse_size
from jobshape.app.settings.site_values import SitePage
from jobshape.app.settings.toml_lines import Key
from jobshape.app.settings.values import (
    RULE_PATTERNS,
    Polling,
    Settings,
    StageRule,
)
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class _PollingChecks(BaseModel):
    model_config = _STRICT

    @model_validator(mode="after")
    def _fastest_first(self) -> "_PollingChecks":
        fastest, slowest = (getattr(self, name) for name in ("fastest_s", "slowest_s"))
        if fastest > slowest:
            raise ValueError(f"fastest_s ({fastest:g}) must not be above slowest_s ({slowest:g})")
        return self


class _RuleChecks(BaseModel):
    model_config = _STRICT

    @field_validator(*RULE_PATTERNS, check_fields=False)
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _says_something(self) -> "_RuleChecks":
        if not any(getattr(self, name) for name in RULE_PATTERNS):
            raise ValueError(f"matches nothing: give it at least one of {_listed(RULE_PATTERNS)}")
        return self


class _Plain(BaseModel):
    model_config = _STRICT


_BASES: dict[type, type[BaseModel]] = {Polling: _PollingChecks, StageRule: _RuleChecks}


def _measured(text: str, parse: Callable[[str], int | None], like: str) -> str:
    """The text, if it can be read and is not nothing; an empty one says nothing."""
    with suppress(ValueError):
        if not text or parse(text):
            return text
    raise ValueError(f"must be like {like}, not {text!r}")


def _is_size(text: str) -> str:
    return _measured(text, parse_size, '"512M" or "16G"')


def _is_duration(text: str) -> str:
    return _measured(text, parse_duration, '"30:00", "2:30:00" or "7-00:00:00"')


_MEASURES = {
    "size": Annotated[str, AfterValidator(_is_size)],
    "duration": Annotated[str, AfterValidator(_is_duration)],
}


def _model_of(record: type, *, project: bool = False) -> type[BaseModel]:
    """A strict model with the fields, defaults and limits of a dataclass."""
    hints = get_type_hints(record)
    made: dict[str, Any] = {}
    for item in fields(record):
        if project and not item.metadata.get("project"):
            continue
        hint = hints[item.name]
        if is_dataclass(hint):
            section = _model_of(hint)  # type: ignore[arg-type]
            made[item.name] = (section, Field(default_factory=section))
            continue
        if get_origin(hint) is tuple:
            (element, _) = get_args(hint)
            hint = list[_model_of(element) if is_dataclass(element) else element]  # type: ignore
        hint = _MEASURES.get(item.metadata["measure"], hint)
        default = ... if item.metadata["required"] else item.default
        made[item.name] = (hint, Field(default, **item.metadata["limits"]))
    base = _BASES.get(record, _Plain)
    return create_model(record.__name__, __base__=base, **made)


class Problem(Exception):
    """One thing wrong with a document: where in it, and in words."""

    def __init__(self, key: Key, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.key, self.what, self.hint = key, what, hint


def check(document: Mapping[str, Any], *, project: bool = False) -> list[Problem]:
    """What is wrong with a settings document; an empty list if it is valid.

    project: it is a project's own file, which may set less.
    """
    try:
        _model_of(Settings, project=project).model_validate(dict(document))
    except ValidationError as error:
        return [_problem(item, Settings, project) for item in error.errors(include_url=False)]
    return list(_unknown_columns(document.get("ui", {})))


def check_page(document: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with a site's page; an empty list if it is valid."""
    try:
        _model_of(SitePage).model_validate(dict(document))
    except ValidationError as error:
        return [_problem(item, SitePage) for item in error.errors(include_url=False)]
    return [*_out_of_place(document), *_odd_partitions(document.get("partitions", ()))]


def _out_of_place(page: Mapping[str, Any]) -> Iterator[Problem]:
    """What only another kind of site has."""
    kind = page["kind"]
    for table in ("slurm", "local"):
        if table in page and kind != table:
            hint = f'delete it, or set kind = "{table}"'
            yield Problem((table,), f"is not for a site of kind {kind!r}", hint)
    if page.get("usage", {}).get("dcgm_url") and kind != "slurm":
        hint = "delete the line: NVML tells what this machine's GPUs do" if kind == "local" else ""
        yield Problem(("usage", "dcgm_url"), f"is not for a site of kind {kind!r}", hint)
    if kind != "local":
        for at, partition in enumerate(page.get("partitions", ())):
            if "head_start" in partition:
                key = ("partitions", at, "head_start")
                yield Problem(key, "is only for a local site", "delete the line")
        return
    folder, gpus = (page.get("local", {}).get(key, "") for key in ("folder", "gpus"))
    if folder and folder[0] not in "/~":
        yield Problem(("local", "folder"), f"must be a full path, not {folder!r}")
    if gpus not in ("", "auto", "none") and not gpus.startswith("/"):
        what = f"must be 'auto', 'none' or the full path of a file, not {gpus!r}"
        yield Problem(("local", "gpus"), what)
    if "gpus" in page.get("limits", {}):
        hint = 'delete the line; local.gpus = "none" gives none of them'
        yield Problem(("limits", "gpus"), "is not for a local site", hint)


def _odd_partitions(partitions: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Partitions named twice, or whose default is above their limit."""
    seen: set[str] = set()
    for at, partition in enumerate(partitions):
        name = partition["name"]
        if name in seen:
            what = f"{name!r} is the name of an earlier partition too"
            yield Problem(("partitions", at, "name"), what, "give each its own name")
        seen.add(name)
        usual, most = (
            parse_duration(partition.get(key, "")) for key in ("default_time", "time_limit")
        )
        if usual and most and most > 0 and not 0 < usual <= most:
            what = f"{partition['default_time']!r} is more than the partition's time_limit"
            yield Problem(("partitions", at, "default_time"), what)


def _unknown_columns(ui: Mapping[str, Any]) -> Iterator[Problem]:
    from jobshape.app.board.columns import COLUMNS

    named: list[tuple[Key, str]] = [
        (("ui", "columns", at), name) for at, name in enumerate(ui.get("columns", ()))
    ]
    if ui.get("sort"):
        named.append((("ui", "sort"), ui["sort"].removeprefix("-")))
    for key, name in named:
        if name not in COLUMNS:
            hint = _near(name, list(COLUMNS))
            yield Problem(key, f"{name!r} is no column of the job table", hint)


def _problem(error: Any, root: type, project: bool = False) -> Problem:
    key: Key = tuple(error["loc"])
    kind, limits, given = error["type"], error.get("ctx", {}), error["input"]
    words = _WORDS.get(kind)
    if kind == "extra_forbidden":
        return _unknown(key, root, project)
    if kind == "missing" and root is SitePage:
        return Problem(key, "is missing", "add it; `jobshape sites --template` shows every field")
    if kind == "value_error":
        return Problem(key, str(limits["error"]))
    if words is None:
        return Problem(key, f"{error['msg'][0].lower()}{error['msg'][1:]}, not {_shown(given)}")
    return Problem(key, words.format(**limits, given=_shown(given)))


_WORDS = {
    "missing": "is missing",
    "bool_type": "must be true or false, not {given}",
    "int_type": "must be a whole number, not {given}",
    "float_type": "must be a number, not {given}",
    "string_type": "must be a text in quotes, not {given}",
    "list_type": "must be a list in [ ], not {given}",
    "model_type": "must be a table, not {given}",
    "literal_error": "must be {expected}, not {given}",
    "greater_than_equal": "must be {ge:g} or more, not {given}",
    "less_than_equal": "must be {le:g} or less, not {given}",
    "string_pattern_mismatch": "has characters that make no sense here: {given}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have {max_length} characters at most",
    "finite_number": "must be a finite number, not {given}",
}


def _unknown(key: Key, root: type, project: bool) -> Problem:
    name = str(key[-1])
    known = _fields_at(key[:-1], root)
    if root is SitePage:
        return Problem(key, "is not a field of a site's page", _near(name, known))
    if project and len(key) == 1 and name in known:
        return Problem(
            key,
            "is not for a project's file",
            "a project sets `stages` and `stage_rules`; the rest goes into your own config.toml",
        )
    return Problem(key, "is not a setting", _near(name, known))


def _near(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {_listed(known)}"


def _fields_at(key: Key, root: type) -> Sequence[str]:
    """The names a table of the document may hold."""
    record: Any = root
    for part in key:
        if isinstance(part, str):
            hint = get_type_hints(record)[part]
            record = get_args(hint)[0] if get_origin(hint) is tuple else hint
    return [item.name for item in fields(record)]


def _shown(value: object) -> str:
    """A value of the document, short, as people write it in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
