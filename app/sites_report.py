"""``jobshape sites``: the sites there are, whether they can be used here, and what is known."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jobshape import __version__
from jobshape.app.backends.local.config import LocalSite
from jobshape.app.config_report import as_toml
from jobshape.app.domain.errors import ConfigError, JobshapeError
from jobshape.app.domain.text import sanitize
from jobshape.app.settings.pages import Page, find_page, local_site, page_paths, read_page
from jobshape.app.settings.site_values import PagePartition, page_fields
from jobshape.app.settings.values import Declared, Loaded
from jobshape.app.site_check import why_not_local
from jobshape.app.sites import choose_site, why_not
from jobshape.app.text_table import Title, lay_out

SCHEMA = "jobshape.sites/1"


@dataclass(frozen=True, slots=True)
class Entry:
    """A site, and why it cannot be used here; empty if it can."""

    page: Page
    why_not: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """Every site whose page can be read, and what is wrong with the others."""

    entries: tuple[Entry, ...]
    problems: tuple[ConfigError, ...]


def survey(loaded: Loaded) -> Survey:
    """Look at every page, and at what is here; asks no site."""
    chosen = _chosen(loaded)
    entries, problems = [], []
    for name, path in page_paths().items():
        try:
            page = read_page(path)
        except ConfigError as error:
            problems += list(getattr(error, "problems", (error,)))
            continue
        entries.append(Entry(page, why_not(page, loaded), name == chosen))
    return Survey(tuple(entries), tuple(problems))


def _chosen(loaded: Loaded) -> str:
    try:
        return choose_site(loaded).page.name
    except JobshapeError:
        return ""


def table(survey: Survey) -> Iterator[str]:
    """Lines for people; the site that a plain ``jobshape`` takes has a star."""
    rows = [
        [
            "*" if entry.chosen else "", entry.page.name, entry.page.kind,
            _usable(entry), sanitize(entry.page.title),
        ]
        for entry in survey.entries
    ]  # fmt: skip
    if not rows:
        return
    heads = lay_out([("", "left")] * 5, rows)
    indent = " " * (5 + max(len(entry.page.name) for entry in survey.entries))
    for head, entry in zip(heads, survey.entries, strict=True):
        yield head
        for name, text in _facts(entry):
            yield f"{indent}{name}: {sanitize(text)}"


def _usable(entry: Entry) -> str:
    if entry.page.kind == "planning":
        return "planning only"
    return "not here" if entry.why_not else "usable"


def _facts(entry: Entry) -> Iterator[tuple[str, str]]:
    page = entry.page
    if entry.why_not and page.kind != "planning":
        yield "why not", entry.why_not
    if page.values.partitions:
        yield "partitions", _roles(page.values.partitions)
    for name, values in (("limits", page.values.limits), ("cost", page.values.cost)):
        if pairs := _pairs(asdict(values)):
            yield name, pairs
    yield "page", "shipped" if page.shipped else str(page.path)


def _roles(partitions: Sequence[PagePartition]) -> str:
    return ", ".join(f"{each.name} ({each.role})" for each in partitions)


def as_json(survey: Survey) -> str:
    """The same for scripts; what a page does not say is null."""
    document = {
        "schema": SCHEMA,
        "jobshape": __version__,
        "sites": [_entry(entry) for entry in survey.entries],
        "problems": [
            {"where": problem.where, "what": problem.what, "hint": problem.hint}
            for problem in survey.problems
        ],
    }
    return json.dumps(document, indent=1)


def _entry(entry: Entry) -> dict[str, Any]:
    page = entry.page
    values = asdict(page.values)
    for table in ("slurm", "local"):
        own = values.pop(table)
        if table == page.kind:
            values[table] = own
    return {
        "name": page.name,
        "usable": not entry.why_not,
        "why_not": entry.why_not or None,
        "chosen": entry.chosen,
        "page": None if page.shipped else str(page.path),
        **_said(values),
    }


def _said(value: Any) -> Any:
    """The same with null for each text that is empty and each limit of 0."""
    if isinstance(value, dict):
        limits = ("cpus", "jobs", "max_jobs")
        return {
            key: None if item == 0 and key in limits and item is not False else _said(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_said(item) for item in value]
    return None if value == "" else value


# --- one site ------------------------------------------------------------------------------


def detail(name: str, loaded: Loaded) -> Iterator[str]:
    """Everything a site's page says. Raises ConfigError for a site that is not known."""
    page = find_page(name)
    values = page.values
    reason = why_not(page, loaded)
    usable = f"no: {reason}" if reason else "yes"
    rows = [
        ("site", f"{page.name} ({page.title})"),
        ("kind", page.kind),
        ("usable here", usable),
        ("page", str(page.path) + (" (shipped)" if page.shipped else "")),
        ("limits", _pairs(asdict(values.limits)) or "as found"),
        ("cost", _pairs(asdict(values.cost)) or "not known"),
    ]
    if page.kind == "local":
        rows += _local_rows(local_site(page))
    elif page.kind == "slurm":
        rows.append(("reached", _pairs(asdict(values.slurm))))
        if values.usage.dcgm_url:
            rows.append(("GPU figures", f"DCGM at {values.usage.dcgm_url}"))
    if values.notes:
        rows.append(("notes", values.notes))
    yield from lay_out([("", "left"), ("", "left")], [(n, sanitize(text)) for n, text in rows])
    if values.partitions:
        yield ""
        yield from lay_out(_PARTITION_TITLES, map(_partition_row, values.partitions))


_PARTITION_TITLES: list[Title] = [
    ("Partition", "left"), ("Role", "left"), ("Time limit", "right"), ("Default time", "right"),
    ("Default memory", "right"), ("Jobs", "right"),
]  # fmt: skip


def _partition_row(partition: PagePartition) -> list[str]:
    return [
        partition.name, partition.role, partition.time_limit or "-", partition.default_time or "-",
        partition.default_memory or "-", str(partition.max_jobs or "-"),
    ]  # fmt: skip


def _local_rows(site: LocalSite) -> list[tuple[str, str]]:
    folder = Path(site.folder)
    state = "" if folder.exists() else " (made when needed)"
    trouble = why_not_local(folder)
    return [("folder", f"{folder}{state}{f': {trouble}' if trouble else ''}"), ("gpus", site.gpus)]


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value}"
        for name, value in values.items()
        if value not in (None, "", 0) or (value == 0 and isinstance(value, float))
    )


# --- the template --------------------------------------------------------------------------


def template() -> str:
    """A page with every field as a comment: what it is for and what it may be."""
    lines = [
        "# A site's page: save it as NAME.toml in the folder that `jobshape sites --path` prints.",
        "# Take the # off a line to say something; what is not said is not known, or as found.",
        "",
    ]
    section = ""
    for item in page_fields():
        holder, _, leaf = item.name.rpartition(".")
        if holder != section:
            lines += ["# [[partitions]]" if holder == "partitions" else f"[{holder}]"]
            section = holder
        if item.name == "kind":
            lines += [f"# {item.metadata['help']}", 'kind = "slurm"', ""]
        elif holder == "partitions":
            lines += [f"# {leaf} = {_example(item)}  # {item.metadata['help']}"]
        else:
            lines += [f"# {item.metadata['help']}", f"# {leaf} = {_example(item)}", ""]
    text = "\n".join(lines).rstrip() + "\n"
    return text.replace("\n[local]\n", "\n# For a site of kind `local` only:\n# [local]\n")


def _example(item: Declared) -> str:
    given = item.metadata["example"]
    return as_toml(item.default if given is None else given)
