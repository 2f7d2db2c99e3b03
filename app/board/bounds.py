"""The most a person may ask for in each field of a shape, and who says so.

Pure. The partition, the largest node and the person each set a bound, of which the lowest counts;
of several partitions the one that allows most, since the job may go to any of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from jobshape.app.board.fragments import gpu_types
from jobshape.app.domain.cost import gpu_count
from jobshape.app.domain.entry import show_entry
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.limits import SiteLimits, first_set
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.domain.site import Node, Partition

LARGEST = "largest node"
"""Whose bound it is where no rule is lower than what the nodes have."""


class Bound(NamedTuple):
    """What may stand in a field. ``choices``: all there is, if it is one of a list."""

    most: int | None = None
    who: str = ""
    choices: tuple[str, ...] = ()


class Site(NamedTuple):
    """What is known of the site; ``limits`` None: not asked, or not answered yet."""

    partitions: Mapping[str, Partition]
    nodes: Sequence[Node]
    limits: SiteLimits | None = None


def bounds_of(shape: JobShape, site: Site) -> dict[str, Bound]:
    """Field -> what may stand there, for the partition, QOS and account that the shape names."""
    names = _partitions(shape, site)
    where = ",".join(names)
    nodes = [n for n in site.nodes if not names or set(names) & set(n.partitions)]
    limits = site.limits or SiteLimits()
    own = partial(first_set, limits.of_person(shape, site.partitions[names[0]] if names else None))
    per_partition = [(name, limits.of_partition(site.partitions[name])) for name in names]
    tasks, nodes_asked = max(1, shape.tasks or 1), max(1, shape.nodes or 1)
    found = {
        "partition": Bound(choices=tuple(site.partitions)),
        "qos": Bound(choices=_qos_choices(shape, site)),
        "account": Bound(choices=_accounts(site)),
        "time_limit_s": _lowest(
            _most(((n, one.time_limit_s) for n, one in per_partition), "partition"),
            own("time_limit_s"),
        ),
        "nodes": _lowest(
            _most(((n, one.nodes) for n, one in per_partition), "partition"),
            (len(nodes) or None, f"nodes of {where}" if where else "all nodes"),
            own("nodes"),
        ),
        "cpus_per_task": _lowest(
            (_largest(n.cpus for n in nodes), LARGEST),
            _most(((n, one.node_cpus) for n, one in per_partition), "partition"),
            own("node_cpus"), _shared(own("cpus"), tasks),
        ),
        "memory_bytes": _lowest(
            (_largest(n.memory_bytes for n in nodes), LARGEST),
            _most(((n, one.node_memory_bytes) for n, one in per_partition), "partition"),
            own("node_memory_bytes"), _shared(own("memory_bytes"), nodes_asked),
        ),
        "gpus": _lowest(
            (_largest(n.gpus or 0 for n in nodes), LARGEST),
            _shared(own("gpus"), nodes_asked),
        )._replace(choices=_types(nodes)),
    }  # fmt: skip
    return {name: bound for name, bound in found.items() if bound != Bound()}


def excess(name: str, value: object, bound: Bound) -> str:
    """What is wrong with a value by this bound, in words; "" if nothing is."""
    if value is None:
        return ""
    if name == "gpus":
        kind, colon, _ = str(value).rpartition(":")
        known = {one.lower() for one in bound.choices}
        if colon and known and kind.lower() not in known:
            return f"no {kind} here: {', '.join(bound.choices)}"
        over = bound.most is not None and gpu_count(str(value)) > bound.most
        if not over:
            return ""
        return f"over {bound.most}, {bound.who}" if bound.most else _none(bound)
    if bound.choices:
        given = [part for part in str(value).split(",") if part] if name == "partition" else [value]
        unknown = [str(one) for one in given if one not in bound.choices]
        return f"no {unknown[0]} here: {', '.join(bound.choices)}" if unknown else ""
    if bound.most is None or not isinstance(value, int):
        return ""
    over = value == UNLIMITED or value > bound.most
    return f"over {show_entry(FIELD_OF[name].kind, bound.most)}, {bound.who}" if over else ""


def words_of(name: str, bound: Bound) -> str:
    """The bound beside its field: ``at most 2-00:00:00, partition main``; "" for none."""
    if name == "gpus":
        if not bound.most:
            return _none(bound) if bound.most == 0 else ""
        kinds = f": {', '.join(bound.choices)}" if bound.choices else ""
        return f"{brief_of(name, bound)}, {bound.who}{kinds}"
    if bound.choices:
        return ", ".join(bound.choices)
    brief = brief_of(name, bound)
    return f"{brief}, {bound.who}" if brief else ""


def brief_of(name: str, bound: Bound) -> str:
    """The bound where there is little room: ``at most 2-00:00:00``; "" where it is not one."""
    if not bound.most or (bound.choices and name != "gpus"):
        return ""
    most = bound.most if name == "gpus" else show_entry(FIELD_OF[name].kind, bound.most)
    return f"at most {most}"


def _none(bound: Bound) -> str:
    """That there is no GPU to ask for, and by whose word."""
    return "this partition has none" if bound.who == LARGEST else f"none, {bound.who}"


def _partitions(shape: JobShape, site: Site) -> list[str]:
    named = [name for name in (shape.partition or "").split(",") if name in site.partitions]
    default = [name for name, one in site.partitions.items() if one.is_default]
    return named or ([] if shape.partition else default[:1])


def _most(values: Iterable[tuple[str, int | None]], what: str) -> tuple[int | None, str]:
    """The highest of several, each with its name; no bound if one has none."""
    found = list(values)
    if not found or any(value in (None, UNLIMITED) for _, value in found):
        return None, ""
    name, value = max(found, key=lambda pair: pair[1] or 0)
    return value, f"{what} {name}"


def _lowest(*bounds: tuple[int | None, str]) -> Bound:
    known = [(most, who) for most, who in bounds if most is not None and most != UNLIMITED]
    if not known:
        return Bound()
    most, who = min(known, key=lambda pair: pair[0])
    return Bound(most, who)


def _largest(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return max(known) if known else None


def _shared(bound: tuple[int | None, str], among: int) -> tuple[int | None, str]:
    """A bound on a whole job for each of its nodes or tasks."""
    total, who = bound
    return (None if total is None else total // among), who


def _types(nodes: Sequence[Node]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for n in nodes for name, _ in gpu_types(n.gpu_types)))


def _qos_choices(shape: JobShape, site: Site) -> tuple[str, ...]:
    if site.limits is None:
        return ()
    partition = (shape.partition or "").split(",")[0]
    own = site.limits.association(shape.account or "", partition)
    return own.qos if own else ()


def _accounts(site: Site) -> tuple[str, ...]:
    if site.limits is None:
        return ()
    return tuple(dict.fromkeys(one.account for one in site.limits.associations))
