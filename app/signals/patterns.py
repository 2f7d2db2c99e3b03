"""A rule's patterns: written with plain spaces, sieved by a literal, refused when they could hang.

A space in a pattern fits any gap between two words, a line's end too, since terminals and mail
wrap long lines. The literals a pattern cannot match without are found by parsing it, so that a
log is searched for words and only rules whose word is there are tried.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from re import _parser as _sre  # type: ignore[attr-defined]
from typing import Any

from jobshape.app.signals.lines import mask_digits

GAP = r"(?:[ \t]+\n?[ \t]*|\n[ \t]*)"
_SHORTEST = 3
_GOOD = 5
_FLAGS = re.compile(r"\(\?[aimsux]+\)")
_SPECIAL = frozenset("^$.|?*+(){}[] ")
_ESCAPED = frozenset(".-()[]{}*+?|^$/\\'\"`#&~!@%:;,<>=")
_MANY = 20
_LONGEST_PATTERN = 2000


class BadPattern(ValueError):
    """A pattern that cannot be used; the text says why."""


def with_gaps(pattern: str) -> str:
    """The pattern with each plain space made a gap; in a character class it stays a space."""
    out: list[str] = []
    at, in_class = 0, False
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            out.append(pattern[at : at + 2])
            at += 2
            continue
        if in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
            if pattern[at + 1 : at + 2] == "]" or pattern[at + 1 : at + 3] == "^]":
                width = 2 if pattern[at + 1] == "]" else 3
                out.append(pattern[at : at + width])
                at += width
                continue
        elif sign == " ":
            following = pattern[at + 1 : at + 2]
            out.append(GAP if following not in ("+", "*", "?", "{") else " ")
            at += 1
            continue
        out.append(sign)
        at += 1
    return "".join(out)


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern ready for a clean text of many lines."""
    return re.compile(with_gaps(pattern), re.MULTILINE)


def check(pattern: str) -> None:
    """Raises BadPattern where it is no pattern, fits everything, or could take for ever."""
    if len(pattern) > _LONGEST_PATTERN:
        raise BadPattern(f"longer than {_LONGEST_PATTERN} characters")
    try:
        tree = _sre.parse(with_gaps(pattern), re.MULTILINE)
        re.compile(with_gaps(pattern), re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern(f"is no pattern: {error}") from error
    if tree.getwidth()[0] == 0:
        raise BadPattern("fits an empty text, so it would speak always")
    if _nests(tree, inside=False):
        raise BadPattern("repeats a repeat, which can take for ever: (a+)+, (.*x)*")


def _nests(tree: Iterable[Any], *, inside: bool) -> bool:
    for operation, argument in tree:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            _, most, body = argument
            long = most > _MANY
            if (long and inside) or _nests(body, inside=inside or long):
                return True
        elif any(_nests(part, inside=inside) for part in _parts(name, argument)):
            return True
    return False


def _parts(name: str, argument: Any) -> list[Any]:
    """The patterns inside one operation; a possessive repeat cannot go back, so it has none."""
    if name == "SUBPATTERN":
        return [argument[-1]]
    if name == "BRANCH":
        return list(argument[1])
    if name in ("ASSERT", "ASSERT_NOT"):
        return [argument[1]]
    if name == "GROUPREF_EXISTS":
        return [part for part in argument[1:] if part is not None]
    return []


@lru_cache(maxsize=8192)
def alternatives(pattern: str) -> tuple[str, ...]:
    """The pattern cut at its outermost bars: each part has a literal of its own."""
    flags = _FLAGS.match(pattern)
    head = flags[0] if flags else ""
    parts, depth, at, begin = [], 0, len(head), len(head)
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 2
            continue
        if sign == "[":
            at = _class_end(pattern, at)
            continue
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            parts.append(pattern[begin:at])
            begin = at + 1
        at += 1
    return tuple(head + part for part in (*parts, pattern[begin:]))


def _class_end(pattern: str, at: int) -> int:
    """Where a character class that begins here is over."""
    at += 1
    if pattern[at : at + 1] == "^":
        at += 1
    if pattern[at : at + 1] == "]":
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1


@lru_cache(maxsize=8192)
def literals(part: str) -> tuple[str, ...]:
    """Texts of which one must be in a digest for the part to fit; empty where there is none.

    Words outside of all groups are found by looking through the pattern, 30 times quicker than by
    parsing it; only where they are short the groups are parsed too.
    """
    word = _plain_word(part)
    if len(word) >= _GOOD:
        return (word,)
    found = _needed(_sre.parse(with_gaps(part), re.MULTILINE))
    if word and len(word) >= min(map(len, found), default=0):
        return (word,)
    return tuple(sorted(found)) if found else ()


@lru_cache(maxsize=4096)
def sieved(pattern: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """Each alternative of a pattern with the texts of which a digest must have one."""
    return tuple((part, frozenset(literals(part))) for part in alternatives(pattern))


def _plain_word(part: str) -> str:
    """The longest run of plain characters that every match has."""
    flags = _FLAGS.match(part)
    at, best, run = flags.end() if flags else 0, "", ""
    depth = 0
    while at < len(part):
        sign = part[at]
        plain = ""
        if sign == "\\":
            plain = part[at + 1] if part[at + 1] in _ESCAPED else ""
            at += 2
        elif sign == "[":
            at = _class_end(part, at)
        else:
            depth += (sign == "(") - (sign == ")")
            plain = sign if sign not in _SPECIAL else ""
            at += 1
        following = part[at : at + 1]
        if following == "{":
            at = part.index("}", at) + 1
        if following in ("?", "*", "{"):
            plain = ""
        if depth or not plain:
            best, run = max(best, run, key=len), ""
            continue
        run += plain
        if following == "+":
            best, run = max(best, run, key=len), ""
    word = mask_digits(max(best, run, key=len))
    return word if len(word) >= _SHORTEST else ""


def _needed(tree: Iterable[Any]) -> frozenset[str]:
    """The best set of alternatives that every match has one of."""
    best: frozenset[str] = frozenset()
    run: list[str] = []

    def offer(texts: frozenset[str]) -> None:
        nonlocal best
        if texts and _worth(texts) > _worth(best):
            best = texts

    def flush() -> None:
        word = mask_digits("".join(run))
        run.clear()
        if len(word) >= _SHORTEST:
            offer(frozenset({word}))

    for operation, argument in tree:
        name = str(operation)
        if name == "LITERAL":
            run.append(chr(argument))
            continue
        flush()
        if name == "SUBPATTERN":
            offer(_needed(argument[-1]))
        elif name == "ATOMIC_GROUP":
            offer(_needed(argument))
        elif name == "BRANCH":
            branches = [_needed(part) for part in argument[1]]
            if all(branches):
                offer(frozenset().union(*branches))
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and argument[0] > 0:
            offer(_needed(argument[2]))
    flush()
    return best


def _worth(texts: frozenset[str]) -> float:
    if not texts:
        return 0
    return min(len(text) for text in texts) - 0.2 * len(texts)
