"""The pre-flight's lines as a person reads them: what is wrong first, each with why and fix."""

import textwrap
from collections.abc import Sequence

from jobshape.app.domain.check import VERDICTS, CheckLine
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, cut_at_blanks

_WORDS = {"block": "blocks", "warn": "warns", "skip": "not looked at", "pass": "passes"}
_ROLES = {"block": "failed", "warn": "warning", "skip": "muted", "pass": "running"}

TITLE_AT = 36
"""Cells before what a line says."""


def tally(lines: Sequence[CheckLine]) -> tuple[str, str]:
    """All lines in one, and the palette's role for it."""
    blocks = [line for line in lines if line.verdict == "block" and not line.lifted]
    lifted = sum(line.verdict == "block" and bool(line.lifted) for line in lines)
    count = {verdict: sum(line.verdict == verdict for line in lines) for verdict in VERDICTS}
    names = list(dict.fromkeys(line.rule for line in blocks))
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    parts = [
        f"blocked by {', '.join(names[:2])}{more}" if blocks else "",
        f"{lifted} lifted" if lifted else "",
        f"{count['warn']} warning{'' if count['warn'] == 1 else 's'}" if count["warn"] else "",
        f"{count['skip']} not looked at" if count["skip"] else "",
        f"{count['pass']} passed",
    ]
    role = "failed" if blocks else "warning" if count["warn"] else "running"
    return "pre-flight: " + ", ".join(part for part in parts if part), role


def in_order(lines: Sequence[CheckLine]) -> list[CheckLine]:
    """What is wrong first."""
    return sorted(lines, key=lambda line: (VERDICTS.index(line.verdict), bool(line.lifted)))


def pieces_of(
    line: CheckLine, palette: Palette, glyphs: Glyphs, width: int, *, at_cursor: bool = False
) -> list[list[Piece]]:
    """A line with its why and fix, where it did not pass."""
    style = getattr(palette, _ROLES[line.verdict])
    word = "lifted" if line.lifted else _WORDS[line.verdict]
    where = f" (line {line.line})" if line.line else ""
    mark = ">" if at_cursor else " "
    title, *rest = cut_at_blanks(clean(line.title + where, glyphs), max(20, width - TITLE_AT))
    found: list[list[Piece]] = [[
        (f" {mark} ", palette.key), (f"{word:<13} ", style),
        (f"{line.rule:<18} ", palette.muted), (title, palette.text),
    ]]  # fmt: skip
    found += [[(" " * TITLE_AT + part, palette.text)] for part in rest]
    if line.verdict == "pass":
        return found
    told = [line.why, f"fix: {line.fix}" if line.fix else ""]
    if line.lifted:
        told.append(f"lifted: {line.lifted}")
    for text in told:
        for part in textwrap.wrap(clean(text, glyphs), max(20, width - 18)):
            found.append([(" " * 17 + part, palette.muted)])
    return found
