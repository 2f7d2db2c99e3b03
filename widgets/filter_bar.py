"""The filter as it is typed: two lines that take the place of the status and the keys."""

from collections.abc import Callable, Sequence

from jobshape.app.board.query import Completion, QueryProblem
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of
from rich.style import Style
from textual import events
from textual.message import Message

_PROMPT = " / "
MAX_LENGTH = 500


class FilterBar(Lines, can_focus=True):
    """A line editor and, below it, what is wrong with the text, where, or how it could go on."""

    DEFAULT_CSS = "FilterBar { height: 2; display: none; }"

    class Changed(Message):
        """The text is another one."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

        def can_replace(self, message: Message) -> bool:
            """Only the newest text counts."""
            return isinstance(message, FilterBar.Changed)

    class Closed(Message):
        """The person is done: kept or taken back."""

        def __init__(self, *, kept: bool) -> None:
            super().__init__()
            self.kept = kept

    def __init__(
        self,
        completions: Callable[[str, int], Sequence[Completion]],
        glyphs: Glyphs,
        *,
        hint: str = "Enter keeps the filter  Esc takes it back",
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._hint = hint  # said where there is nothing to complete
        self._complete = completions
        self._glyphs = glyphs
        self.text = ""
        self.cursor = 0
        self.is_open = False
        self.problem: QueryProblem | None = None
        self.found = ""

    def open(self, text: str) -> None:
        """Start editing this text."""
        self.is_open = True
        self.text, self.cursor, self.problem = text, len(text), None
        self.redraw()

    def show_result(self, problem: QueryProblem | None, found: str) -> None:
        """What became of the text: a problem, or how many jobs match."""
        self.problem, self.found = problem, found
        self.redraw()

    # ------------------------------------------------------------------ drawing

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The text with its cursor; below it the problem under its place, or ways to go on."""
        return [self._edit_line(width), self._word_line(width)]

    def _edit_line(self, width: int) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        start = self._first_visible(width)
        text = clean(self.text, glyphs)
        before, at, after = text[start : self.cursor], text[self.cursor :][:1] or " ", (
            text[self.cursor + 1 :]
        )  # fmt: skip
        caret = palette.text + Style(reverse=True)
        pieces: list[Piece] = [
            (_PROMPT, palette.key), (before, palette.strong), (at, caret), (after, palette.strong)
        ]  # fmt: skip
        used = sum(width_of(part) for part, _ in pieces)
        room = width - used - width_of(self.found) - 1
        if self.found and room > 0:
            pieces.append((" " * room + self.found + " ", palette.muted))
        return pieces

    def _word_line(self, width: int) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        problem = self.problem
        if problem is None:
            return self._ways_on(width)
        indent = width_of(_PROMPT) + problem.start - self._first_visible(width)
        carets = glyphs.caret * max(1, problem.end - problem.start)
        words = clean(problem.what, glyphs)
        hint = f" {glyphs.dot} {clean(problem.hint, glyphs)}" if problem.hint else ""
        style = palette.muted if problem.incomplete else palette.failed
        if problem.incomplete:
            return [(" " * max(0, indent), palette.text), (f"{words}{hint}", style)]
        said = f"{carets} {words}"
        room = width - indent
        if width_of(said + hint) > room >= 0:  # no room to the right of its place
            left = fit(f"{words}{hint}", max(0, indent - 1), glyphs)
            if indent > width // 2:
                return [(f"{left} ", style), (carets, style)]
        return [(" " * max(0, indent), palette.text), (said, style), (hint, palette.muted)]

    def _ways_on(self, width: int) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        ways = self._complete(self.text, self.cursor)
        if not ways:
            return [("   " + self._hint, palette.muted)]
        pieces: list[Piece] = [("   Tab ", palette.key)]
        used = 7
        for number, way in enumerate(ways):
            word = clean(way.text.strip(), glyphs)
            note = clean(way.help, glyphs) if number == 0 else ""
            size = width_of(word) + (width_of(note) + 1 if note else 0) + 2
            if used + size > width:
                break
            pieces.append((word, palette.text if number else palette.strong))
            pieces.append(((f" {note}" if note else "") + "  ", palette.muted))
            used += size
        return pieces

    def _first_visible(self, width: int) -> int:
        """Where the text begins to show when it is longer than the line."""
        room = max(1, width - len(_PROMPT) - width_of(self.found) - 3)
        return max(0, self.cursor - room)

    # ------------------------------------------------------------------ keys

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Everything that prints is text here, no command."""
        return self.is_open and character is not None and character.isprintable()

    async def on_key(self, event: events.Key) -> None:
        """Edit the text."""
        if not self.is_open:
            return
        edit = _EDITS.get(event.key)
        if edit is not None:
            edit(self)
        elif event.character is not None and event.is_printable:
            self._insert(event.character)
        else:
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """Insert what was pasted, on one line."""
        self._insert(" ".join(event.text.split()))
        event.stop()

    def _insert(self, text: str) -> None:
        if len(self.text) + len(text) <= MAX_LENGTH:
            self._set(self.text[: self.cursor] + text + self.text[self.cursor :],
                      self.cursor + len(text))  # fmt: skip

    def _set(self, text: str, cursor: int) -> None:
        changed = text != self.text
        self.text, self.cursor = text, max(0, min(cursor, len(text)))
        if changed:
            self.problem = None
            self.post_message(self.Changed(text))
        self.redraw()

    def _move(self, cursor: int) -> None:
        self._set(self.text, cursor)

    def _backspace(self) -> None:
        if self.cursor:
            self._set(self.text[: self.cursor - 1] + self.text[self.cursor :], self.cursor - 1)

    def _delete(self) -> None:
        self._set(self.text[: self.cursor] + self.text[self.cursor + 1 :], self.cursor)

    def _delete_word(self) -> None:
        head = self.text[: self.cursor].rstrip()
        start = head.rfind(" ") + 1
        self._set(self.text[:start] + self.text[self.cursor :], start)

    def _delete_to_start(self) -> None:
        self._set(self.text[self.cursor :], 0)

    def _take_completion(self) -> None:
        ways = self._complete(self.text, self.cursor)
        if ways:
            way = ways[0]
            self._set(
                self.text[: way.start] + way.text + self.text[way.end :],
                way.start + len(way.text),
            )

    def _close(self, *, kept: bool) -> None:
        self.is_open = False
        self.post_message(self.Closed(kept=kept))


_EDITS: dict[str, Callable[[FilterBar], None]] = {
    "left": lambda bar: bar._move(bar.cursor - 1),
    "ctrl+b": lambda bar: bar._move(bar.cursor - 1),
    "right": lambda bar: bar._move(bar.cursor + 1),
    "ctrl+f": lambda bar: bar._move(bar.cursor + 1),
    "home": lambda bar: bar._move(0),
    "ctrl+a": lambda bar: bar._move(0),
    "end": lambda bar: bar._move(len(bar.text)),
    "ctrl+e": lambda bar: bar._move(len(bar.text)),
    "backspace": FilterBar._backspace,
    "ctrl+h": FilterBar._backspace,
    "delete": FilterBar._delete,
    "ctrl+w": FilterBar._delete_word,
    "ctrl+u": FilterBar._delete_to_start,
    "tab": FilterBar._take_completion,
    "enter": lambda bar: bar._close(kept=True),
    "down": lambda bar: bar._close(kept=True),
    "escape": lambda bar: bar._close(kept=False),
}
