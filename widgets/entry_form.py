"""A form: titles on the left, fields to type in, and beside each what may stand there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from jobshape.app.domain.text import sanitize
from jobshape.widgets.entry import Entry
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

TITLE_WIDTH = 15


class FormField(NamedTuple):
    """One field of a form."""

    name: str
    title: str
    text: str = ""
    placeholder: str = ""


class Note(NamedTuple):
    """What is said beside a field: what was there before, what may stand there, what is wrong.

    brief: the text where beside what was there is no room for all of it; "" says nothing there.
    """

    text: str = ""
    problem: str = ""
    was: str = ""
    brief: str = ""


def shown_text(text: str) -> str:
    """A text as it stands in a field: without what a terminal would obey, else as it is.

    Letters stay what they are in ASCII mode too: what a field holds is what is sent.
    """
    return sanitize(text)


class _Titles(Lines):
    """The titles; that of the field with the focus stands out, a changed one has a mark."""

    def __init__(self, fields: Sequence[FormField], glyphs: Glyphs) -> None:
        super().__init__(id="titles")
        self._fields = fields
        self._glyphs = glyphs
        self.at = 0
        self.changed: frozenset[str] = frozenset()

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """One line a field."""
        palette = self.palette
        lines: list[list[Piece]] = []
        for number, field in enumerate(self._fields):
            style = palette.strong if number == self.at else palette.muted
            mark = "*" if field.name in self.changed else " "
            lines.append([
                (f"{mark} ", palette.marked),
                (fit(field.title, width - 3, self._glyphs), style),
            ])  # fmt: skip
        return lines


class _Notes(Lines):
    """What is said beside the fields."""

    def __init__(self, fields: Sequence[FormField], glyphs: Glyphs) -> None:
        super().__init__(id="notes")
        self._fields = fields
        self._glyphs = glyphs
        self.notes: Mapping[str, Note] = {}

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """One line a field."""
        return [self._line(self.notes.get(field.name, Note()), width) for field in self._fields]

    def _line(self, note: Note, width: int) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        was = f"was {clean(note.was, glyphs)}  " if note.was else ""
        said, style = (note.problem, palette.failed) if note.problem else (note.text, palette.muted)
        text, room = clean(said, glyphs), max(0, width - 1)
        if was and width_of(was) + width_of(text) > room:
            if note.problem:
                was = ""
            else:
                text = clean(note.brief, glyphs)
                text = text if width_of(was) + width_of(text) <= room else ""
        return [
            (" ", palette.text), (was, palette.accent),
            (fit(text, max(0, room - width_of(was)), glyphs), style),
        ]  # fmt: skip


class EntryForm(Widget):
    """Fields to type in. Up, Down and Tab go from one to the next; Enter is the screen's."""

    DEFAULT_CSS = """
    EntryForm {
        layout: horizontal; height: auto; overflow-y: auto; scrollbar-size-vertical: 1;
    }
    EntryForm #titles { width: 17; height: auto; }
    EntryForm #entries { width: 24; height: auto; }
    EntryForm #notes { width: 1fr; height: auto; }
    EntryForm Entry {
        height: 1; border: none; padding: 0 1; background: $boost; color: $foreground;
    }
    EntryForm Entry:focus { background: $primary 30%; }
    EntryForm Entry > .input--selection { background: $primary; color: $background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "step(1)", show=False, priority=True),
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("tab", "step(1)", show=False, priority=True),
        Binding("shift+tab", "step(-1)", show=False, priority=True),
    ]

    class Changed(Message):
        """The texts are others."""

        def can_replace(self, message: Message) -> bool:
            """Only what stands there now counts."""
            return isinstance(message, EntryForm.Changed)

    class Submitted(Message):
        """Enter in one of the fields."""

    def __init__(self, fields: Iterable[FormField], glyphs: Glyphs, *, id: str = "form") -> None:
        super().__init__(id=id)
        self.fields = tuple(fields)
        self._titles = _Titles(self.fields, glyphs)
        self._notes = _Notes(self.fields, glyphs)
        self._glyphs = glyphs
        self._inputs = {
            field.name: Entry(
                shown_text(field.text), placeholder=clean(field.placeholder, glyphs),
                select_on_focus=True,
                id=f"entry-{field.name.replace('_', '-')}", compact=True,
            )
            for field in self.fields
        }  # fmt: skip

    def compose(self) -> ComposeResult:
        """Titles, fields, notes."""
        yield self._titles
        yield Widget(*self._inputs.values(), id="entries")
        yield self._notes

    def on_mount(self) -> None:
        """As high as there are fields; the first one has the focus."""
        for lines in (self._titles, self._notes):
            lines.styles.height = len(self.fields)

    @property
    def texts(self) -> dict[str, str]:
        """What stands in each field."""
        return {name: entry.value for name, entry in self._inputs.items()}

    def set_text(self, name: str, text: str) -> None:
        """Put a text into a field."""
        self._inputs[name].value = shown_text(text)

    def focus_on(self, name: str) -> None:
        """Go to a field, at once: what is typed ahead is for it."""
        self.screen.set_focus(self._inputs[name])

    @property
    def current(self) -> str:
        """The field with the focus, or the first one."""
        focused = self.screen.focused if self.is_attached else None  # has_focus comes later
        return next((n for n, e in self._inputs.items() if e is focused), self.fields[0].name)

    def show(self, notes: Mapping[str, Note], changed: Iterable[str]) -> None:
        """What to say beside the fields, and which of them differ from what was."""
        self._notes.notes = notes
        self._titles.changed = frozenset(changed)
        self._notes.redraw()
        self._titles.redraw()

    def action_step(self, by: int) -> None:
        """To the next field or the one before, round at the ends."""
        names = list(self._inputs)
        self.focus_on(names[(names.index(self.current) + by) % len(names)])

    @on(Entry.Changed)
    def _typed(self, message: Entry.Changed) -> None:
        message.stop()
        self.post_message(self.Changed())

    @on(Entry.Submitted)
    def _entered(self, message: Entry.Submitted) -> None:
        message.stop()
        self.post_message(self.Submitted())

    @on(events.DescendantFocus)
    def _moved(self) -> None:
        self._titles.at = [field.name for field in self.fields].index(self.current)
        self._titles.redraw()
