"""The keys of the filter language: what each reads of a job and how its value is written."""

import re
from collections.abc import Callable
from enum import Enum
from operator import attrgetter, eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple

from jobshape.app.board import figures
from jobshape.app.domain.job import UNLIMITED, Job
from jobshape.app.domain.units import parse_duration, parse_size


class Kind(Enum):
    """How a key's value is written and compared."""

    STATE = "a state: R, running, oom, or waiting, running, failed, done"
    WORD = "a word: ':' finds it inside, '=' is exactly it, '*' stands for anything"
    ID = "a job id: 12, 4_7, 4"
    ARRAY = "an array's id, or 'any' or 'none'"
    NODE = "a node's name"
    COUNT = "a number: 4"
    SIZE = "a size: 8G, 512M"
    SPAN = "a time span: 30m, 2h, 1d12h, 1-02:00:00"


FIGURES = frozenset({Kind.COUNT, Kind.SIZE, Kind.SPAN})
"""Kinds that can be compared with < and >."""


class Key(NamedTuple):
    """One key. ``read`` gives the text or figure to look at; None or "" is unknown."""

    name: str
    kind: Kind
    read: Callable[[Job, float], Any]
    help: str
    examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    field: str = ""  # of Job, whose values on the board complete it
    clocked: bool = False


def _field(name: str) -> Callable[[Job, float], Any]:
    read = attrgetter(name)
    return lambda job, now: read(job)


def _word(name: str, help: str, *aliases: str, field: str = "", offered: bool = True) -> Key:
    return Key(name, Kind.WORD, _field(field or name), help, aliases=aliases,
               field=(field or name) if offered else "")  # fmt: skip


def _figure(
    name: str, kind: Kind, read: Callable[[Job, float], Any], help: str,
    examples: tuple[str, ...], *aliases: str, clocked: bool = False,
) -> Key:  # fmt: skip
    return Key(name, kind, read, help, examples, aliases, clocked=clocked)


_SPANS = (">1h", "<30m")
_ALL = (
    Key("state", Kind.STATE, _field("state"), "state or phase",
        ("waiting", "running", "failed", "done"), ("st",)),
    _word("stage", "step of the workload"),
    _word("user", "who submitted it"),
    _word("account", "account that pays", "acct"),
    _word("partition", "partition", "part"),
    _word("qos", "quality of service"),
    _word("name", "job name", offered=False),
    _word("reason", "Slurm's word for why it waits"),
    _word("reservation", "advanced reservation", "resv"),
    _word("comment", "comment", offered=False),
    _word("dir", "working folder", "folder", "work_dir", field="work_dir", offered=False),
    _word("dependency", "what it waits for", "dep", offered=False),
    _word("feature", "node features asked for", "features", field="features"),
    _word("tres", "resources as Slurm writes them", offered=False),
    Key("id", Kind.ID, _field("job_id"), "job id", aliases=("job", "jobid")),
    Key("array", Kind.ARRAY, _field("array_job_id"), "array id, any or none", ("any", "none")),
    Key("node", Kind.NODE, _field("node_list"), "runs on this node", aliases=("host",)),
    _figure("mem", Kind.SIZE, _field("memory_bytes"), "memory asked for", (">8G", "<1G"), "memory"),
    _figure("cpus", Kind.COUNT, _field("cpus"), "CPUs", (">=4", "=1"), "cpu"),
    _figure("gpus", Kind.COUNT, _field("gpus"), "GPUs", (">0", "=0"), "gpu"),
    _figure("nodes", Kind.COUNT, _field("nodes"), "number of nodes", (">1",), "nnodes"),
    _figure("tasks", Kind.COUNT, _field("tasks"), "tasks (--ntasks)", (">1",), "ntasks"),
    _figure("prio", Kind.COUNT, _field("priority"), "priority", (">1000", "=0"), "priority"),
    _figure("restarts", Kind.COUNT, _field("restarts"), "times requeued", (">0",)),
    _figure("age", Kind.SPAN, figures.age_s, "time since it was submitted", _SPANS, clocked=True),
    _figure("elapsed", Kind.SPAN, figures.elapsed_s, "how long it has run", _SPANS, "time",
            clocked=True),
    _figure("left", Kind.SPAN, figures.left_s, "time until its limit", _SPANS, clocked=True),
    _figure("wait", Kind.SPAN, figures.wait_s, "how long it waits or did wait", _SPANS,
            clocked=True),
    _figure("limit", Kind.SPAN, _field("time_limit_s"), "time limit", _SPANS, "timelimit"),
)  # fmt: skip

KEYS: dict[str, Key] = {key.name: key for key in _ALL}
"""All keys by name, in the order they are offered."""

ALIASES: dict[str, Key] = {alias: key for key in _ALL for alias in (key.name, *key.aliases)}
"""All keys by every name they answer to."""

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ":": eq, "=": eq, "!=": ne, ">": gt, ">=": ge, "<": lt, "<=": le,
}  # fmt: skip


class Unfinished(ValueError):
    """A value that may become right by typing on; says what is missing."""


_NUMBER = re.compile(r"[0-9]{1,15}\Z")
_DECIMAL = re.compile(r"[0-9]{0,15}\.?[0-9]{0,6}\Z")
_SIZED = re.compile(
    r"[0-9]{0,15}\.?[0-9]{1,6}[KMGTP](?:i?B)?\Z|[0-9]{1,15}[BKMGTP](?:i?B)?\Z", re.I
)
_CLOCK = re.compile(r"(?:[0-9]{1,6}-)?[0-9]{1,9}(?::[0-9]{1,9}){0,2}\Z")
_SPOKEN = re.compile(r"(?:[0-9]{1,9}[wdhms])+(?:[0-9]{1,9})?\Z", re.I)
_SPOKEN_PART = re.compile(r"([0-9]+)([wdhms]?)", re.I)
_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_NEXT_UNIT = {"w": "d", "d": "h", "h": "m", "m": "s", "s": "s"}  # 3h20 is 3h20m


def read_figure(kind: Kind, text: str) -> float:
    """The value behind a comparison. Raises ValueError (Unfinished: typing on may help)."""
    if kind is Kind.COUNT:
        if not _NUMBER.match(text):
            raise ValueError("not a whole number")
        return int(text)
    if kind is Kind.SIZE:
        if _SIZED.match(text):
            return parse_size(text) or 0
        if _DECIMAL.match(text):
            raise Unfinished(f"{text} what? Add a unit, as in {text.rstrip('.') or 8}G")
        raise ValueError("not a size")
    return _read_span(text)


def _read_span(text: str) -> float:
    if text.lower() in ("unlimited", "infinite", "∞"):
        return float("inf")
    if _DECIMAL.match(text):
        raise Unfinished(f"{text} what? Add a unit, as in {text.rstrip('.') or 2}h")
    if _SPOKEN.match(text):
        total, unit = 0, ""
        for digits, letter in _SPOKEN_PART.findall(text):
            unit = letter.lower() or _NEXT_UNIT[unit]
            total += int(digits) * _SECONDS[unit]
        return total
    if _CLOCK.match(text):
        return parse_duration(text) or 0
    raise ValueError("not a time span")


def comparable(figure: float | None) -> float | None:
    """A figure of a job as it is compared: no limit is longer than any."""
    return float("inf") if figure == UNLIMITED else figure
