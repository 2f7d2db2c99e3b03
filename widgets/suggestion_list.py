"""Unassigned jobs in groups, each with the rule that would claim them."""

from collections.abc import Sequence

from jobshape.app.domain.stage import Suggestion
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of
from rich.style import Style
from textual import events
from textual.message import Message

LINES_EACH = 3
_COUNT_WIDTH = 11
_STAGE_WIDTH = 16


class SuggestionList(ScrolledLines, can_focus=True, inherit_bindings=False):
    """Three lines a group: how many and which stage, the rule, the names and what speaks for it."""

    class Picked(Message):
        """A suggestion was clicked twice."""

    def __init__(
        self, suggestions: Sequence[Suggestion], glyphs: Glyphs, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.suggestions = list(suggestions)
        self._glyphs = glyphs
        self.at = 0

    @property
    def item(self) -> Suggestion | None:
        """The one under the cursor."""
        return self.suggestions[self.at] if self.suggestions else None

    def replace(self, suggestion: Suggestion | None) -> None:
        """Put another one in the place of the one under the cursor, or take it away."""
        if suggestion is None:
            del self.suggestions[self.at]
            self.at = max(0, min(self.at, len(self.suggestions) - 1))
        else:
            self.suggestions[self.at] = suggestion
        self.rebuild()

    def move(self, by: int) -> None:
        """Move the cursor, stopping at the ends."""
        at = max(0, min(len(self.suggestions) - 1, self.at + by))
        if at != self.at and self.suggestions:
            self.at = at
            self.rebuild()
            self.show_line(at * LINES_EACH + LINES_EACH - 1)
            self.show_line(at * LINES_EACH)

    @property
    def page(self) -> int:
        """Suggestions that fit."""
        return max(1, self.size.height // LINES_EACH)

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """All of them."""
        if not self.suggestions:
            return [[("  nothing is left that a rule could be made for", self.palette.muted)]]
        return [
            line for n, one in enumerate(self.suggestions) for line in self._lines_of(n, one, width)
        ]

    def ground_of(self, y: int) -> Style:
        """The cursor's lines are coloured to their end."""
        on_cursor = self.suggestions and y // LINES_EACH == self.at
        return self.palette.cursor if on_cursor else self.palette.text

    def _lines_of(self, n: int, one: Suggestion, width: int) -> list[list[Piece]]:
        palette, glyphs = self.palette, self._glyphs
        indent = " " * (_COUNT_WIDTH + 3)
        jobs = f"{one.jobs:,} job{'' if one.jobs == 1 else 's'}"
        stage = clean(one.stage, glyphs) or "which stage?"
        stage_style = palette.accent if one.stage else palette.warning
        why = clean(one.why, glyphs)
        others = ""
        if one.others:
            others = f"   fits {one.others:,} job{'' if one.others == 1 else 's'} with a stage, too"
        rule = "   ".join(f"{field} {pattern}" for field, pattern in one.rule)
        examples = ", ".join(clean(name, glyphs) for name in one.examples)
        lines: list[list[Piece]] = [
            [(f" {jobs:>{_COUNT_WIDTH}}  ", palette.strong),
             (fit(stage, max(_STAGE_WIDTH, width_of(stage)), glyphs), stage_style),
             (f"  {why}", palette.muted), (others, palette.warning)],
            [(indent, palette.text), ("rule  ", palette.muted),
             (clean(rule, glyphs), palette.text)],
            [(indent, palette.text), ("jobs  ", palette.muted),
             (fit(examples, max(1, width - len(indent) - 7), glyphs), palette.muted)],
        ]  # fmt: skip
        if n == self.at:
            lines = [
                [(text, palette.on_cursor(style, focused=True)) for text, style in line]
                for line in lines
            ]
        return lines

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor there, a second one picks."""
        n = (self.scroll_offset.y + event.y) // LINES_EACH
        if n < len(self.suggestions):
            self.move(n - self.at)
            if event.chain == 2:
                self.post_message(self.Picked())
