"""Writes other values into a script's own lines: the diff first, a backup, nothing else touched."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.shape import JobShape
from jobshape.app.scripts.surgery import diff, with_shape
from jobshape.screens.dialog import Dialog, Words
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean
from textual.binding import Binding
from textual.widget import Widget

if TYPE_CHECKING:
    from jobshape.screens.room import Room


async def write_back(room: "Room", path: str, *shapes: JobShape) -> str:
    """Write a shape into the script at a path, if the person says yes; what came of it, in words.

    shapes: one, or of a heterogeneous job one for each component. Raises JobshapeError: the file
    cannot be read, changed or written, or changed meanwhile.
    """
    files = room.context.files
    if files is None or room.read_only:
        raise JobshapeError("this session writes no files")
    file = await files.read(path)
    new = file.text
    for group, shape in enumerate(shapes):
        if any(shape.said()):
            new = with_shape(new, shape, group=group)
    if new == file.text:
        return f"{path} says so already"
    lines = diff(file.text, new, path)
    if not await room.app.push_screen_wait(WriteBackScreen(path, lines, room.glyphs)):
        return "nothing was written"
    backup = await files.write(file, new)
    return f"written into {path}; as it was: {backup.name}"


class DiffLines(ScrolledLines, can_focus=True):
    """A unified diff."""

    def __init__(self, lines: Sequence[str], glyphs: Glyphs) -> None:
        super().__init__(id="list")
        self._lines_of_diff = lines
        self._glyphs = glyphs

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """One line each."""
        palette = self.palette
        styles = {"+": palette.running, "-": palette.failed, "@": palette.muted}
        return [
            [(f"  {clean(line, self._glyphs)}", styles.get(line[:1], palette.text))]
            for line in self._lines_of_diff
        ]


class WriteBackScreen(Dialog[bool]):
    """Gives True only for ``y``."""

    AUTO_FOCUS: ClassVar[str | None] = "#list"
    BINDINGS = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape,q", "answer(False)", "No", show=False),
    ]

    def __init__(self, path: str, lines: Sequence[str], glyphs: Glyphs) -> None:
        super().__init__(f"Write into {path[-60:]}?", glyphs)
        self._diff = lines

    def content(self) -> Iterable[Widget]:
        """The diff and the two answers."""
        palette = palette_of(self.app)
        yield DiffLines(self._diff, self.glyphs)
        yield Words([[], [
            ("  y", palette.key), (" write it, after a backup", palette.strong),
            ("     n", palette.key), (" leave the file as it is", palette.text),
        ]])  # fmt: skip

    def action_answer(self, yes: bool) -> None:
        """Answer."""
        self.dismiss(yes)
