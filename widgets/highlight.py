"""A batch script as coloured runs: what sbatch reads stands out, nothing in it is obeyed.

Loaded only when a script is shown: it brings rich's syntax and pygments along.
"""

import re
from typing import NamedTuple

from jobshape.app.domain.text import sanitize
from rich.syntax import Syntax

MOST_BYTES = 256 << 10
"""Scripts above this are shown without colours: the lexer would take more than 0.3 s."""

MOST_LINES, MOST_WIDTH = 20_000, 4_000
"""What is shown of a script that a program wrote: so many lines, so many characters of each."""

_TAB = 8
_SHEBANG = re.compile(r"#!\s*(?P<path>\S+)(?:\s+(?P<rest>.*))?")
_LEXERS = (
    ("python", "python"), ("bash", "bash"), ("zsh", "bash"), ("ksh", "bash"), ("tcsh", "tcsh"),
    ("csh", "tcsh"), ("perl", "perl"), ("Rscript", "r"), ("ruby", "ruby"), ("julia", "julia"),
    ("sh", "bash"),
)  # fmt: skip
"""Interpreter -> pygments' name for its language, the first one that its path's end begins with."""

# The kinds of words that get a colour, by the beginning of pygments' name for them.
_ROLES = (
    ("Token.Comment", "comment"), ("Token.Literal.String", "string"), ("Token.Keyword", "keyword"),
    ("Token.Name.Builtin", "builtin"), ("Token.Name.Variable", "variable"),
    ("Token.Literal.String.Interpol", "variable"), ("Token.Literal.Number", "number"),
)  # fmt: skip

Run = tuple[str, str]
"""Clean text and its role: comment, string, keyword, builtin, variable, number, or text."""


class ScriptLine(NamedTuple):
    """One line. ``directive``: "read" by sbatch, "ignored" by it, or "" for any other line.

    ``cut`` counts what is not shown: its further characters or, where it has no runs, lines.
    """

    runs: tuple[Run, ...]
    directive: str = ""
    cut: int = 0


def highlight(script: str) -> list[ScriptLine]:
    """The lines of a script, top to bottom; controls are visible signs, tabs are spaces."""
    raw = script.removesuffix("\n").split("\n")
    left_out = max(0, len(raw) - MOST_LINES)
    raw = raw[:MOST_LINES]
    lines = [sanitize(line[:MOST_WIDTH].expandtabs(_TAB)) for line in raw]
    directives = _directives(lines)
    runs = _runs(lines, lexer_of(raw[0])) if len(script) <= MOST_BYTES else None
    shown = []
    for number, (line, directive) in enumerate(zip(lines, directives, strict=True)):
        of_line = runs[number] if runs is not None and not directive else ((line, "text"),)
        shown.append(ScriptLine(of_line, directive, max(0, len(raw[number]) - MOST_WIDTH)))
    if left_out:
        shown.append(ScriptLine((), "", left_out))
    return shown


def lexer_of(first_line: str) -> str:
    """Pygments' name for the language of a script; bash where nothing says."""
    match = _SHEBANG.match(first_line)
    if match is None:
        return "bash"
    words = [match["path"].rpartition("/")[2], *(match["rest"] or "").split()]
    if words[0] == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    name = words[0].rpartition("/")[2] if words else ""
    return next((lexer for start, lexer in _LEXERS if name.startswith(start)), "bash")


def _directives(lines: list[str]) -> list[str]:
    """Which lines sbatch reads: it stops at the first line that is a command (sbatch(1))."""
    found, at_head = [], True
    for line in lines:
        if line.startswith("#SBATCH"):
            found.append("read" if at_head else "ignored")
            continue
        found.append("")
        text = line.strip()
        at_head = at_head and (not text or text.startswith("#"))
    return found


def _runs(lines: list[str], language: str) -> list[tuple[Run, ...]] | None:
    """The runs of each line; None where pygments knows no such language."""
    lexer = Syntax("", language).lexer
    if lexer is None:
        return None
    found: list[list[Run]] = [[]]
    for kind, text in lexer.get_tokens("\n".join(lines)):
        role = _role_of(str(kind))
        first, *rest = text.split("\n")
        if first:
            found[-1].append((first, role))
        for part in rest:
            found.append([(part, role)] if part else [])
    found += [[] for _ in range(len(lines) - len(found))]
    if any("".join(t for t, _ in runs) != line for runs, line in zip(found, lines, strict=False)):
        return None  # the lexer changed the text: show it as it is, without colours
    return [tuple(runs) for runs in found[: len(lines)]]


def _role_of(kind: str) -> str:
    roles = [role for start, role in _ROLES if kind.startswith(start)]
    return roles[-1] if roles else "text"
