"""Pick one thing of a list: a column to sort by, a theme, a command."""

from collections.abc import Callable, Iterable, Sequence

from jobshape.screens.dialog import Dialog, Words
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.pick_list import PickItem, PickList
from jobshape.widgets.spans import Piece
from textual import on
from textual.widget import Widget


class PickScreen(Dialog[str | None]):
    """Gives the value of the item picked, None if the list was left."""

    def __init__(
        self,
        title: str,
        items: Sequence[PickItem],
        glyphs: Glyphs,
        *,
        hint: str = "",
        preview: Callable[[str], None] | None = None,
        takes_text: bool = False,
    ) -> None:
        super().__init__(title, glyphs)
        self._items = items
        self._hint = hint
        self._preview = preview
        self._takes_text = takes_text

    def content(self) -> Iterable[Widget]:
        """The words typed, the list."""
        yield Words(self._typed(""), id="typed")
        items = PickList(self._items, self.glyphs, id="list")
        items.takes_text = self._takes_text
        yield items

    def _typed(self, text: str) -> list[list[Piece]]:
        palette = palette_of(self.app)
        if text:
            return [[(" > ", palette.key), (text, palette.strong)]]
        hint = f"   {self._hint}" if self._hint else ""
        return [[(" type to find, Enter picks, Esc leaves" + hint, palette.muted)]]

    @on(PickList.Typed)
    def _narrowed(self) -> None:
        self.query_one(Words).say(self._typed(self.query_one(PickList).typed))

    @on(PickList.Highlighted)
    def _highlighted(self, message: PickList.Highlighted) -> None:
        if self._preview is not None:
            self._preview(message.item.value)

    @on(PickList.Picked)
    def _picked(self, message: PickList.Picked) -> None:
        self.dismiss(None if message.item is None else message.item.value)
