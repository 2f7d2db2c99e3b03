"""Free fragments: what is free on each node now, and which waiting jobs would fit into it.

Pure. What Slurm also looks at and nobody told us (node lists, sockets, whole-node jobs, limits of
accounts and QOS, reservations) is a doubt or is named in :data:`NOT_CHECKED`, never guessed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from jobshape.app.board.node_words import state_words
from jobshape.app.domain.job import UNLIMITED, Job
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.tres import parse_tres
from jobshape.app.domain.units import format_size, parse_count

NOT_CHECKED = (
    "Not checked: named or excluded nodes, whole-node use, sockets and cores, limits of accounts"
    " and QOS, what is kept free for jobs ahead."
)
"""What a fit does not say, in one sentence."""

_PLAIN_FEATURES = re.compile(r"[\w.:=/-]+(?:[&|,][\w.:=/-]+)*\Z")


class Free(NamedTuple):
    """What Slurm can still give away on one node. None: nobody said."""

    cpus: int | None
    memory_bytes: int | None
    gpus: int
    gpu_types: tuple[tuple[str, int, int], ...]  # type, surely free, at most free


def free_of(node: Node) -> Free:
    """What is not allocated, whether or not the node takes jobs.

    Slurm says how many GPUs are in use, not of which type: on a node with several types only
    bounds are known.
    """
    gpus = max(0, (node.gpus or 0) - (node.gpus_allocated or 0))
    types: tuple[tuple[str, int, int], ...] = ()
    if node.gpu_types:
        used = max(0, (node.gpus or 0) - gpus)
        types = tuple(
            (name, max(0, count - used), min(count, gpus))
            for name, count in gpu_types(node.gpu_types)
        )
    cpus = _left(node.cpus, node.cpus_allocated)
    return Free(cpus, _left(node.memory_bytes, node.memory_allocated_bytes), gpus, types)


@lru_cache(maxsize=512)
def gpu_types(text: str) -> tuple[tuple[str, int], ...]:
    """A node's GPUs by type, as configured: ``a100:4,t4:2``; what says no number is left out."""
    pairs = (part.rpartition(":") for part in text.split(",") if part)
    return tuple((name, int(count)) for name, _, count in pairs if name and count.isdigit())


def _left(total: int | None, used: int | None) -> int | None:
    return None if total is None or used is None else max(0, total - used)


class Shape(NamedTuple):
    """What one waiting job needs of each of its nodes. Equal shapes fit equally. None: not said."""

    nodes: int
    cpus: int | None
    memory_bytes: int | None
    gpus: int | None
    gpu_types: tuple[tuple[str, int], ...]
    partitions: tuple[str, ...]
    features: str
    reservation: str
    time_limit_s: int | None
    doubts: tuple[str, ...]  # what the record leaves open


def shape_of(job: Job) -> Shape:
    """A job's needs a node: its totals over its nodes, rounded up."""
    nodes = max(1, job.nodes or 1)
    doubts = []
    if nodes > 1:
        doubts.append("an even split over its nodes is assumed")
    elif (job.tasks or 1) > 1:
        doubts.append("on one node; its tasks may also be spread")
    if job.memory_bytes is None:
        doubts.append("its memory is not known")
    if job.gpus is None:
        doubts.append("its GPUs are not known")
    typed = []
    for name, value in parse_tres(job.tres).items():
        if name.lower().startswith("gres/gpu:"):
            count = _count(value)
            if count:
                typed.append((name[9:].lower(), -(-count // nodes)))
    return Shape(
        nodes, _each(job.cpus, nodes), _each(job.memory_bytes, nodes), _each(job.gpus, nodes),
        tuple(sorted(typed)), tuple(name for name in job.partition.split(",") if name),
        job.features, job.reservation, job.time_limit_s, tuple(doubts),
    )  # fmt: skip


def _each(total: int | None, nodes: int) -> int | None:
    return None if total is None else -(-total // nodes)


def _count(text: str) -> int | None:
    try:
        return parse_count(text)
    except ValueError:
        return None


class NodeFit(NamedTuple):
    """Whether one node has room: ``misses`` say why not, ``doubts`` what is not known."""

    misses: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Nothing is missing, as far as is known."""
        return not self.misses


def fit_on(shape: Shape, node: Node, partitions: Mapping[str, Partition]) -> NodeFit:
    """Whether a node could take its share of the job now, resources and membership only."""
    words = state_words(node.state).words
    misses: list[str] = []
    doubts: list[str] = []
    common = [name for name in shape.partitions if name in node.partitions]
    if shape.partitions and not common:
        return NodeFit((f"the node is not in {' or '.join(shape.partitions)}",), ())
    if not node.usable:
        return NodeFit(("the node takes no jobs now",), ())
    closed = [_closed(partitions.get(name), shape.time_limit_s) for name in common]
    if closed and all(closed):
        return NodeFit((next(filter(None, closed)),), ())
    free = free_of(node)
    _compare("CPU", shape.cpus, free.cpus, misses, doubts)
    _compare_memory(shape.memory_bytes, free.memory_bytes, misses, doubts)
    _compare_gpus(shape, free, misses, doubts)
    _compare_features(shape.features, node.features, misses, doubts)
    if shape.reservation:
        doubts.append("its reservation is not checked")
    elif "RESERVED" in words:
        doubts.append("the node is reserved")
    if "PLANNED" in words:
        doubts.append("the node is planned for another job")
    if any(word.startswith("POWER") for word in words):
        doubts.append("the node must boot first")
    return NodeFit(tuple(misses), tuple(doubts))


def _closed(partition: Partition | None, time_limit_s: int | None) -> str:
    """Why a partition starts no such job; "" if it does, or is not known."""
    if partition is None:
        return ""
    if partition.state and partition.state != "UP":
        return f"partition {partition.name} is {partition.state.lower()}"
    longest = partition.time_limit_s
    if longest is None or longest == UNLIMITED or time_limit_s is None:
        return ""
    if time_limit_s == UNLIMITED or time_limit_s > longest:
        return f"its time limit is above that of {partition.name}"
    return ""


def _compare(
    word: str, needed: int | None, free: int | None, misses: list[str], doubts: list[str]
) -> None:
    if needed is None or not needed:
        return
    if free is None:
        doubts.append(f"free {word}s are not known")
    elif free < needed:
        short = needed - free
        misses.append(f"{short} {word}{'' if short == 1 else 's'} short")


def _compare_memory(
    needed: int | None, free: int | None, misses: list[str], doubts: list[str]
) -> None:
    if needed is None or not needed:
        return
    if free is None:
        doubts.append("free memory is not known")
    elif free < needed:
        misses.append(f"{format_size(needed - free)} of memory short")


def _compare_gpus(shape: Shape, free: Free, misses: list[str], doubts: list[str]) -> None:
    types = {name.lower(): (surely, at_most) for name, surely, at_most in free.gpu_types}
    for name, needed in shape.gpu_types:
        if not types and free.gpus >= needed:
            doubts.append("the type of its GPUs is not known")
            continue
        surely, at_most = types.get(name, (0, 0))
        if at_most < needed:
            misses.append(f"{needed - at_most} {name} short" if name in types else f"no {name}")
        elif surely < needed:
            doubts.append(f"which GPUs are in use is not known: {surely} to {at_most} {name} free")
    if not shape.gpu_types:
        _compare("GPU", shape.gpus, free.gpus, misses, doubts)


def _compare_features(wanted: str, has: str, misses: list[str], doubts: list[str]) -> None:
    """Plain features joined by ``&`` or ``|``; what is more than that is left to Slurm."""
    if not wanted or wanted == "(null)":
        return
    plain = _PLAIN_FEATURES.match(wanted) and not ("|" in wanted and re.search("[&,]", wanted))
    if not plain:
        doubts.append(f"its constraint {wanted} is not checked")
        return
    have = set(has.split(","))
    asked = re.split("[&,|]", wanted)
    found = [one in have for one in asked]
    if not (any(found) if "|" in wanted else all(found)):
        lacking = [one for one, there in zip(asked, found, strict=True) if not there]
        misses.append(f"no feature {(' or ' if '|' in wanted else ' and ').join(lacking)}")


class JobFit(NamedTuple):
    """How a waiting job would fit now. ``verdict``: "fits", "may fit" or "no room"."""

    verdict: str
    surely: int  # nodes with room for a share of it
    maybe: int  # more nodes with room, if what is not known is so
    needed: int  # nodes it asks for
    nearest: str  # no room: the node that lacks least, and what; else one where it fits
    doubts: tuple[str, ...]


class NodeClass(NamedTuple):
    """Nodes that are alike for every shape: one of them, and all their names."""

    sample: Node
    names: tuple[str, ...]


def node_classes(nodes: Iterable[Node]) -> list[NodeClass]:
    """Usable nodes with anything free, those alike as one; full nodes as one a partition set."""
    classes: dict[object, tuple[Node, list[str]]] = {}
    for node in nodes:
        full = node.cpus is not None and (node.cpus_allocated or 0) >= node.cpus
        usable = node.usable
        key = (node.partitions, usable, full) if full or not usable else (
            node.state, node.partitions, node.cpus, node.cpus_allocated, node.memory_bytes,
            node.memory_allocated_bytes, node.gpus, node.gpus_allocated, node.gpu_types,
            node.features,
        )  # fmt: skip
        alike = classes.get(key)
        if alike is None:
            classes[key] = (node, [node.name])
        else:
            alike[1].append(node.name)
    return [NodeClass(sample, tuple(names)) for sample, names in classes.values()]


def names_that_fit(
    shape: Shape, nodes: Iterable[Node], partitions: Mapping[str, Partition]
) -> frozenset[str]:
    """The nodes with room for a share of a job now, as far as is known."""
    return frozenset(
        name for sample, names in node_classes(nodes)
        if fit_on(shape, sample, partitions).fits for name in names
    )  # fmt: skip


def job_fit(
    shape: Shape, classes: Sequence[NodeClass], partitions: Mapping[str, Partition]
) -> JobFit:
    """How a shape would fit on these nodes now."""
    surely = maybe = 0
    at = ""
    nearest: tuple[int, str] | None = None
    doubts: dict[str, None] = dict.fromkeys(shape.doubts)
    for sample, names in classes:
        count = len(names)
        fit = fit_on(shape, sample, partitions)
        if fit.fits:
            if fit.doubts:
                maybe += count
                doubts.update(dict.fromkeys(fit.doubts))
            else:
                surely += count
            at = at or sample.name
        else:
            rank, said = _nearness(fit, sample)
            if nearest is None or rank < nearest[0]:
                nearest = (rank, said)
    if surely >= shape.nodes:
        verdict = "may fit" if "its memory is not known" in doubts else "fits"
    else:
        verdict = "may fit" if surely + maybe >= shape.nodes else "no room"
    if verdict != "no room":
        where = at
    elif surely + maybe:
        where = f"{surely + maybe} of {shape.nodes} nodes have room"
    else:
        where = nearest[1] if nearest and nearest[1] else "none of its nodes takes jobs now"
    return JobFit(verdict, surely, maybe, shape.nodes, where, tuple(doubts))


def _nearness(fit: NodeFit, node: Node) -> tuple[int, str]:
    """How far a node is from having room, and what to say of it.

    What waiting cures comes first; then what the node will never have; last, nodes out of reach.
    """
    if fit.misses[0].startswith("the node "):
        return 99, ""
    said = ", ".join(fit.misses)
    if fit.misses[0].startswith(("partition ", "its time limit ")):
        return 50, said
    never = sum(miss.startswith("no ") for miss in fit.misses)
    return len(fit.misses) + 10 * never, f"{said} on {node.name}"


def fit_steps(
    shapes: Iterable[Shape], nodes: Iterable[Node], partitions: Mapping[str, Partition]
) -> Iterator[JobFit]:
    """How each shape would fit now. A generator, so that many need not be judged in one go."""
    classes = node_classes(nodes)
    for shape in shapes:
        yield job_fit(shape, classes, partitions)


class Fragments(NamedTuple):
    """What is left over on some nodes; only usable nodes count. None: nobody said."""

    cpus: int | None  # free altogether
    memory_bytes: int | None
    gpus: int
    largest: Node | None  # the node with the largest free block
    largest_free: Free | None
    stranded_gpus: int  # free, but no CPU or no memory is free beside them
    stranded_cpus: int  # free, but no memory is


def fragments_of(free_nodes: Iterable[tuple[Node, Free]]) -> Fragments:
    """The fragments of these usable nodes. The largest block: most GPUs, then CPUs, then memory."""
    cpus: int | None = 0
    memory: int | None = 0
    gpus = stranded_gpus = stranded_cpus = 0
    largest: tuple[Node, Free] | None = None
    most = (0, 0, 0)
    for node, free in free_nodes:
        free_cpus, free_memory, free_gpus, _ = free
        cpus = None if cpus is None or free_cpus is None else cpus + free_cpus
        memory = None if memory is None or free_memory is None else memory + free_memory
        gpus += free_gpus
        if free_cpus == 0 or free_memory == 0:
            stranded_gpus += free_gpus
            stranded_cpus += free_cpus or 0
        elif (block := (free_gpus, free_cpus or 0, free_memory or 0)) > most:
            largest, most = (node, free), block
    return Fragments(
        cpus, memory, gpus, largest and largest[0], largest and largest[1],
        stranded_gpus, stranded_cpus,
    )  # fmt: skip
