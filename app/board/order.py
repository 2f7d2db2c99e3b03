"""Sorted lists of keys, made and changed in steps short enough to keep a frame."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Generator, Sequence
from heapq import merge
from itertools import islice
from typing import Any, TypeVar

Item = TypeVar("Item")
Rank = tuple[Any, ...]
"""Where an item belongs; ranks of one list compare with each other, and no two are equal."""

Steps = Generator[None, None, list[Item]]
"""Work in steps: each ``next`` takes a few ms at most; returns the list."""

RUN = 500
"""Items ranked and sorted in one step: 2 ms with the slowest columns."""

SCAN = 10_000
"""Items only looked at in one step."""


def sort_steps(items: Sequence[Item], rank_of: Callable[[Item], Rank]) -> Steps[Item]:
    """The items by ascending rank: sorted in short runs, the runs merged in short steps.

    Ranks are worked out twice rather than kept: 100,000 kept tuples take 20 MB, and the garbage
    collector 20 ms to walk.
    """
    runs: list[list[Item]] = []
    for start in range(0, len(items), RUN):
        runs.append(sorted(items[start : start + RUN], key=rank_of))
        yield
    if len(runs) < 2:
        return runs[0] if runs else []
    ordered: list[Item] = []
    merged = merge(*runs, key=rank_of)
    while chunk := list(islice(merged, RUN)):
        ordered += chunk
        yield
    return ordered


def replace_steps(
    ordered: list[Item],
    drop: Collection[Item],
    add: Sequence[Item],
    rank_of: Callable[[Item], Rank],
) -> Steps[Item]:
    """A new list: the ordered one without some items and with others at their place.

    Only ranks of kept and added items are asked for. An item may be dropped and added again.
    """
    kept: list[Item] = []
    if drop:
        for start in range(0, len(ordered), SCAN):
            kept += [item for item in ordered[start : start + SCAN] if item not in drop]
            yield
    else:
        kept = ordered
    result: list[Item] = []
    done = 0
    for count, item in enumerate((yield from sort_steps(add, rank_of))):
        place = bisect_left(kept, rank_of(item), lo=done, key=rank_of)
        result += kept[done:place]
        result.append(item)
        done = place
        if count % 50 == 49:
            yield
    result += kept[done:]
    return result


def finish(steps: Steps[Item]) -> list[Item]:
    """All steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: list[Item] = end.value
            return result
