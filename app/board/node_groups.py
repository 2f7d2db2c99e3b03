"""The nodes in the order they are shown: groups of the same partitions, names as people count."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from jobshape.app.domain.site import Node, Partition

_DIGITS = re.compile(r"([0-9]+)")


class NodeGroup(NamedTuple):
    """Nodes that are in the same partitions; each node of the site is in one group."""

    partitions: tuple[str, ...]  # in the site's order; none: () in no partition
    names: tuple[str, ...]

    @property
    def title(self) -> str:
        """The partitions in a heading."""
        return " + ".join(self.partitions) or "no partition"


@lru_cache(maxsize=65_536)
def name_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts ``n2`` before ``n10``."""
    return tuple(
        (0, int(part), "") if place % 2 else (1, 0, part)
        for place, part in enumerate(_DIGITS.split(name)) if part
    )  # fmt: skip


def arrange(
    nodes: Iterable[Node],
    partitions: Mapping[str, Partition],
    matches: Callable[[Node], bool] | None = None,
) -> list[NodeGroup]:
    """The groups of the nodes that match, in the order of the site's partitions.

    A node in several partitions would stand on the screen several times if each partition had its
    own group, and counts would not add up: so nodes are grouped by all the partitions they are in.
    """
    rank = {name: place for place, name in enumerate(partitions)}
    last = len(rank)
    members: dict[tuple[str, ...], list[str]] = {}
    for node in nodes:
        if matches is None or matches(node):
            members.setdefault(node.partitions, []).append(node.name)
    merged: dict[tuple[str, ...], list[str]] = {}
    for names_of, names in members.items():
        key = tuple(sorted(set(names_of), key=lambda name: (rank.get(name, last), name)))
        merged.setdefault(key, []).extend(names)
    order = sorted(merged, key=lambda key: (not key, [(rank.get(n, last), n) for n in key]))
    return [NodeGroup(key, tuple(sorted(merged[key], key=name_key))) for key in order]
