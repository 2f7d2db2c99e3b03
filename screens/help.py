"""All keys, by what they are for."""

from collections.abc import Iterable, Sequence

from jobshape.screens.commands.command import GROUPS, Command
from jobshape.screens.dialog import Dialog
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import fit
from textual.binding import Binding
from textual.widget import Widget

_KEYS_WIDTH = 16

_SIGNS = (
    ("R 1h20 ━━╸── 4h00", "running for 1 h 20 min of at most 4 h"),
    ("PD waits 3h20", "pending since 3 h 20 min; beside it why"),
    ("2F 12R 488PD", "an array: 2 failed, 12 running, 488 pending"),
    ("~21:04", "when it is expected to start; it may change"),
    ("-", "nobody said; never a zero"),
)

_FILTERS = (
    ("train eval", "both words, anywhere in id, name, user, ..."),
    ("state:R  user:alice", "a field; -user:alice: not"),
    ("mem>8G  age>2h  gpus>=1", "figures and durations"),
    ("reason:Priority", "why it waits"),
)


class HelpText(ScrolledLines, can_focus=True):
    """Keys, signs and filters as lines."""

    def __init__(self, commands: Sequence[Command], glyphs: Glyphs, *, id: str | None) -> None:
        super().__init__(id=id)
        self._commands = commands
        self._glyphs = glyphs

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """Two columns of groups where there is room."""
        palette, glyphs = self.palette, self._glyphs
        lines: list[list[Piece]] = []
        for group in GROUPS:
            if not any(c.group == group for c in self._commands):
                continue
            lines.append([(f" {group}", palette.group)])
            for c in self._commands:
                if c.group == group:
                    lines.append([
                        ("  " + fit(c.shown_keys, _KEYS_WIDTH, glyphs), palette.key),
                        (fit(c.help, width - _KEYS_WIDTH - 3, glyphs), palette.text),
                    ])  # fmt: skip
            lines.append([])
        for title, entries in (("What the signs say", _SIGNS), ("Filters", _FILTERS)):
            lines.append([(f" {title}", palette.group)])
            for sign, words in entries:
                if glyphs.is_ascii:
                    sign = sign.replace("━━╸──", "##...")
                lines.append([
                    ("  " + fit(sign, 26, glyphs), palette.strong),
                    (fit(words, width - 29, glyphs), palette.text),
                ])  # fmt: skip
            lines.append([])
        return lines[:-1]


class HelpScreen(Dialog[None]):
    """Scrolls; Esc, q or ? leaves."""

    BINDINGS = [
        Binding("escape,q,question_mark,enter", "leave", "Back", show=False),
        Binding("j,down", "scroll_text(1)", show=False),
        Binding("k,up", "scroll_text(-1)", show=False),
        Binding("pagedown,space,ctrl+f,ctrl+d", "scroll_text(15)", show=False),
        Binding("pageup,ctrl+b,ctrl+u", "scroll_text(-15)", show=False),
        Binding("g,home", "scroll_text(-9999)", show=False),
        Binding("G,end", "scroll_text(9999)", show=False),
    ]

    def __init__(self, commands: Sequence[Command], glyphs: Glyphs) -> None:
        super().__init__("Keys  (Esc leaves)", glyphs)
        self._commands = commands

    def content(self) -> Iterable[Widget]:
        """The text."""
        yield HelpText(self._commands, self.glyphs, id="list")

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_scroll_text(self, by: int) -> None:
        """Scroll by lines."""
        self.query_one(HelpText).scroll_relative(y=by, animate=False)
