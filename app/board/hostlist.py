"""Slurm's short form of node names: ``n[1-3,07],gpu[01-16]``."""

import re
from functools import lru_cache

_PART = re.compile(r"((?:[^,\[\]]|\[[^\]]*\])+)")
_BRACKET = re.compile(r"\[([^\]]*)\]")
_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?\Z")

_Ranges = tuple[tuple[int, int, int], ...]  # first, last, width of the digits


@lru_cache(maxsize=4096)
def _patterns(node_list: str) -> tuple[tuple[re.Pattern[str], tuple[_Ranges, ...]], ...]:
    patterns = []
    for part in _PART.findall(node_list.lower()):
        text, numbers = "", []
        for place, piece in enumerate(_BRACKET.split(part)):
            if place % 2 == 0:
                text += re.escape(piece)
                continue
            text += "([0-9]{1,18})"
            matches = [_RANGE.match(one) for one in piece.split(",")]
            numbers.append(tuple(
                (int(m[1]), int(m[2] or m[1]), len(m[1])) for m in matches if m
            ))  # fmt: skip
        patterns.append((re.compile(text + r"\Z"), tuple(numbers)))
    return tuple(patterns)


def holds_node(node_list: str, name: str) -> bool:
    """Whether a node, in lower case, is one of a short form's, without writing them all out."""
    for pattern, numbers in _patterns(node_list):
        match = pattern.match(name)
        if match and all(
            any(low <= int(digits) <= high and len(digits) >= width for low, high, width in ranges)
            for digits, ranges in zip(match.groups(), numbers, strict=True)
        ):
            return True
    return False
