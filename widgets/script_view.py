"""A job's batch script, in colour, with line numbers; shown, never run."""

from collections.abc import Iterable, Sequence

from jobshape.widgets.glyphs import Glyphs, plain
from jobshape.widgets.highlight import ScriptLine
from jobshape.widgets.palette import Palette
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, width_of
from rich.cells import set_cell_size
from rich.style import Style

_IGNORED = "sbatch ignores this: it is after a command"


class ScriptView(ScrolledLines, can_focus=True):
    """Lines of a script, long ones wrapped; or in their place a word on why there are none."""

    DEFAULT_CSS = "ScriptView { width: 1fr; height: 1fr; }"

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self.script: Sequence[ScriptLine] | None = None
        self._note = ""
        self._is_problem = False

    def show(self, script: Sequence[ScriptLine] | None, note: str = "", *, problem: bool = False
             ) -> None:  # fmt: skip
        """Show this script, or without one the note."""
        if (script, note, problem) == (self.script, self._note, self._is_problem):
            return
        self.script, self._note, self._is_problem = script, note, problem
        self.rebuild(to_top=True)

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """The numbered lines."""
        palette = self.palette
        if self.script is None:
            style = palette.failed if self._is_problem else palette.muted
            return [[], [("  " + clean(self._note, self._glyphs), style)]]
        size = len(str(len(self.script)))
        styles = script_styles(palette)
        lines: list[list[Piece]] = []
        for number, line in enumerate(self.script, start=1):
            pieces = list(self._pieces(line, styles))
            for count, part in enumerate(wrapped(pieces, max(8, width - size - 3))):
                label = f" {number:>{size}}  " if not count else " " * (size + 3)
                lines.append([(label, palette.faint), *part])
        return lines

    def _pieces(self, line: ScriptLine, styles: dict[str, Style]) -> Iterable[Piece]:
        role = {"read": "directive", "ignored": "ignored"}.get(line.directive)
        for text, kind in line.runs:
            yield plain(text) if self._glyphs.is_ascii else text, styles[role or kind]
        if line.cut:
            what = "characters" if line.runs else "lines"
            yield f"  {self._glyphs.ellipsis} {line.cut:,} more {what}", styles["problem"]
        if line.directive == "ignored":
            arrow = "<-" if self._glyphs.is_ascii else "←"
            yield f"  {arrow} {_IGNORED}", styles["problem"]


def script_styles(palette: Palette) -> dict[str, Style]:
    """The style of each role."""
    return {
        "text": palette.text, "comment": palette.muted, "string": palette.running,
        "keyword": palette.accent, "builtin": palette.accent, "variable": palette.waiting,
        "number": palette.done, "directive": palette.group, "ignored": palette.muted,
        "problem": palette.warning,
    }  # fmt: skip


def wrapped(pieces: Sequence[Piece], width: int) -> list[list[Piece]]:
    """The pieces as lines of at most so many cells; an empty line stays one."""
    lines: list[list[Piece]] = [[]]
    used = 0
    for text, style in pieces:
        rest = text
        while rest:
            room = width - used
            if width_of(rest) <= room:
                lines[-1].append((rest, style))
                used += width_of(rest)
                break
            part = rest[:room] if rest.isascii() else _head(rest, room)
            if part:
                lines[-1].append((part, style))
            rest = rest[len(part) :]
            lines.append([])
            used = 0
    return lines


def _head(text: str, room: int) -> str:
    """As many of the first characters as fit; none where a wide one is cut in two."""
    part = set_cell_size(text, room)
    while part and not text.startswith(part):
        part = part[:-1]
    return part
