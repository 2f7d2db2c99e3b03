"""The diff before it is sent: what each job asks for now, and what it would."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from jobshape.screens.acting import count_words
from jobshape.screens.dialog import Dialog, Words
from jobshape.screens.editing import Change, field_of, show_value
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit
from textual.binding import Binding
from textual.widget import Widget

SEND, REPLACE = "send", "replace"

LISTED = 4
"""Jobs whose changes are told one by one, where they differ."""


class ReviewScreen(Dialog[str | None]):
    """Gives SEND for ``y``, REPLACE for ``c``."""

    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("c", "replace", "Cancel and resubmit", show=False),
        Binding("n,escape,q", "answer(False)", "No", show=False),
    ]

    def __init__(self, changes: Sequence[Change], over: Sequence[str], glyphs: Glyphs) -> None:
        """over: which fields ask for more than is allowed, in words."""
        tasks = sum(change.job.target.tasks for change in changes)
        super().__init__(f"Change {count_words(len(changes), tasks)}?", glyphs)
        self._changes = changes
        self._over = over

    @property
    def again(self) -> list[Change]:
        """Those that take a new submission."""
        return [change for change in self._changes if change.again]

    @property
    def can_send(self) -> bool:
        """Whether anything can be changed in place."""
        return any(change.in_place for change in self._changes)

    def content(self) -> Iterable[Widget]:
        """The jobs, field by field."""
        palette = palette_of(self.app)
        lines: list[list[Piece]] = [[]]
        groups: dict[tuple[object, ...], list[Change]] = {}
        for change in self._changes:
            key = (*change.fields.items(), change.again)
            groups.setdefault(key, []).append(change)
        for alike in list(groups.values())[:LISTED]:
            lines += self._group(alike)
        if len(groups) > LISTED:
            rest = sum(len(alike) for alike in list(groups.values())[LISTED:])
            lines += [[(f"  and {rest:,} more jobs, each by the same rule", palette.strong)], []]
        if any(change.again for change in self._changes):
            count = len(self.again)
            text = f"(*) not in place once it runs: {count} running"
            lines.append([(f"  {text}", palette.warning)])
            what = "it anew, then cancel the running one: its work is lost"
            if count > 1:
                what = f"{count} anew, then cancel the running ones: their work is lost"
            lines.append([("  c", palette.key), (f" submit {what}", palette.text)])
            lines.append([])
        for words in self._over:
            lines.append([(f"  {clean(words, self.glyphs)}", palette.failed)])
        if self._over:
            lines += [[("  the site may refuse it, or never start it", palette.warning)], []]
        sent = sum(bool(change.in_place) for change in self._changes)
        part = f" {sent} of {len(self._changes)}" if sent < len(self._changes) else ""
        send: list[Piece] = [("  y", palette.key), (f" send{part}", palette.strong)]
        if not self.can_send:
            send = [("  y", palette.key_blocked), (" nothing to send", palette.muted)]
        lines.append([*send, ("     n", palette.key), (" back to the form", palette.text)])
        yield Words(lines)

    def _group(self, alike: Sequence[Change]) -> list[list[Piece]]:
        """Jobs with the same change."""
        palette, glyphs = palette_of(self.app), self.glyphs
        names = ", ".join(change.job.target.reference for change in alike[:6])
        more = f" and {len(alike) - 6:,} more" if len(alike) > 6 else ""
        lines: list[list[Piece]] = [[(f"  {clean(names + more, glyphs)}", palette.strong)]]
        for name, (old, new) in alike[0].fields.items():
            field, mark = field_of(name), " *" if name in alike[0].again else ""
            lines.append([
                ("    " + fit(field.title, 15, glyphs), palette.muted),
                (clean(show_value(field, old) or "-", glyphs), palette.text),
                (clean(" → ", glyphs), palette.muted),
                (clean(show_value(field, new) or "-", glyphs), palette.accent),
                (mark, palette.warning),
            ])  # fmt: skip
        return [*lines, []]

    def action_answer(self, yes: bool) -> None:
        """Answer."""
        if not yes:
            self.dismiss(None)
        elif self.can_send:
            self.dismiss(SEND)

    def action_replace(self) -> None:
        """Submit the running ones anew, and cancel them."""
        if self.again:
            self.dismiss(REPLACE)
