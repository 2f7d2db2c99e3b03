"""What a shape would do: where it fits now, when such a job would start, what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from jobshape.app.board.board import Board
from jobshape.app.board.fragments import NodeClass, Shape, fit_on, job_fit, node_classes
from jobshape.app.board.hostlist import names_in
from jobshape.app.domain.cost import Prices, cost_per_hour, gpu_count
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.request import EarliestStart, SubmitRequest
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.units import format_short_duration

NAMED = 4
"""Nodes with room that are named."""

NOTHING_SCRIPT = "#!/bin/sh\n"
"""Stands for a script where only the shape counts: --test-only starts nothing."""


def fit_words(shape: JobShape, board: Board, classes: Sequence[NodeClass]) -> tuple[bool, str]:
    """Whether a job of this shape has room on the nodes now, and in words.

    classes: those of all nodes of the board.
    """
    if not board.nodes:
        return True, "nothing is known of the nodes yet"
    names = tuple(name for name in (shape.partition or "").split(",") if name)
    if not names:
        names = tuple(name for name, one in board.partitions.items() if one.is_default)
    kind, _, _ = (shape.gpus or "").rpartition(":")
    count = gpu_count(shape.gpus)
    nodes = max(1, shape.nodes or 1)
    tasks = max(1, shape.tasks or 1)
    needs = Shape(
        nodes, -(-tasks // nodes) * max(1, shape.cpus_per_task or 1), shape.memory_bytes, count,
        ((kind.lower(), count),) if kind and count else (), names, shape.features or "", "",
        shape.time_limit_s, (),
    )  # fmt: skip
    excluded = set(names_in(shape.exclude_nodes or ""))
    if excluded:
        classes = node_classes(n for n in board.nodes.values() if n.name not in excluded)
    found = job_fit(needs, classes, board.partitions)
    there = sum(len(one.names) for one in classes if set(names) & set(one.sample.partitions))
    there = there or sum(len(one.names) for one in classes)
    room = found.surely + found.maybe
    if found.verdict == "no room":
        return False, f"no room now: {found.nearest}"
    word = "has room" if found.verdict == "fits" else "may have room"
    fitting = sorted(
        name for one in classes
        if fit_on(needs, one.sample, board.partitions).fits for name in one.names
    )  # fmt: skip
    which = f": {', '.join(fitting[:NAMED])}{' ...' if room > NAMED else ''}" if fitting else ""
    return True, f"{word} now on {room} of {there} nodes{which}"


def cost_words(jobs: Sequence[tuple[JobShape, JobShape, int]], prices: Prices) -> str:
    """What jobs cost by the site's prices; "" where it has none.

    jobs: what each asked for, what it will, and how many tasks it stands for.
    """
    now = most = before = 0.0
    bounded = True
    for old, new, tasks in jobs:
        per_hour, was = cost_per_hour(new, prices), cost_per_hour(old, prices)
        if per_hour is None or was is None:
            return ""
        now, before = now + per_hour * tasks, before + was * tasks
        limit_s = new.time_limit_s
        bounded = bounded and limit_s is not None and limit_s != UNLIMITED
        most += per_hour * tasks * max(0, limit_s or 0) / 3600
    text = f"costs {_money(now, prices)} an hour"
    if bounded:
        text += f", at most {_money(most, prices)}"
    if abs(before - now) > 1e-9:
        text += f" (was {_money(before, prices)} an hour)"
    return text


def _money(amount: float, prices: Prices) -> str:
    digits = 2 if amount >= 0.01 or not amount else 4
    return f"{amount:.{digits}f} {prices.currency}".strip()


def start_request(shape: JobShape) -> SubmitRequest:
    """The request that asks when a job of this shape would start."""
    said = {name: value for name, value in shape.said() if value != "" and name != "array"}
    return replace(SubmitRequest(NOTHING_SCRIPT), **said)


def start_words(start: EarliestStart, now: float) -> str:
    """When it would start, in words."""
    if start.start_time is None:
        return f"no start is known: {start.message}" if start.message else "no start is known"
    wait_s = start.start_time - int(now)
    if wait_s <= 0:
        return "a new job of this shape would start at once"
    return f"a new job of this shape would start in about {format_short_duration(wait_s)}"


def same_shapes(shapes: Sequence[JobShape]) -> Mapping[JobShape, int]:
    """Each different shape, and how many have it."""
    found: dict[JobShape, int] = {}
    for shape in shapes:
        found[shape] = found.get(shape, 0) + 1
    return found
