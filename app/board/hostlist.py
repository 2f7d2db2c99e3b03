"""Slurm's short form of node names: ``n[1-3,07],gpu[01-16]``."""

import re
from functools import lru_cache

_PART = re.compile(r"((?:[^,\[\]]|\[[^\]]*\])+)")
_BRACKET = re.compile(r"\[([^\]]*)\]")
_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?\Z")

_Ranges = tuple[tuple[int, int, int], ...]  # first, last, width of the digits


@lru_cache(maxsize=16_384)  # more than different lists in a large queue: all are gone through
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


@lru_cache(maxsize=1024)
def names_in(node_list: str, at_most: int = 20_000) -> tuple[str, ...]:
    """The nodes of a short form, written out; what is no range is left out."""
    names: list[str] = []
    for part in _PART.findall(node_list):
        found = [""]
        for place, piece in enumerate(_BRACKET.split(part)):
            ends = [piece] if place % 2 == 0 else _numbers(piece, at_most)
            found = [head + end for head in found for end in ends][:at_most]
        names += found
    return tuple(names[:at_most])


def _numbers(ranges: str, at_most: int) -> list[str]:
    """``1-3,07`` as ``1``, ``2``, ``3``, ``07``."""
    numbers: list[str] = []
    for one in ranges.split(","):
        match = _RANGE.match(one)
        if match:
            first, last, width = int(match[1]), int(match[2] or match[1]), len(match[1])
            last = min(last, first + at_most)
            numbers += [f"{number:0{width}d}" for number in range(first, last + 1)]
    return numbers
