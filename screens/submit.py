"""Submit a new job: a form over the script's own lines, the pre-flight, then the site."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from jobshape.app.board.bounds import Bound, brief_of, excess, words_of
from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.check import CheckLine
from jobshape.app.domain.entry import BadEntry, read_entry, show_entry
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.shape import FIELD_OF, SHAPE_FIELDS, JobShape
from jobshape.app.domain.text import sanitize
from jobshape.app.scripts.draft import Draft
from jobshape.screens.check_words import tally
from jobshape.screens.choose_script import choose_script
from jobshape.screens.dialog import Dialog, Words, with_whole
from jobshape.screens.effect import cost_words
from jobshape.screens.send_script import Submission, send_script, tell
from jobshape.screens.shape_view import ShapeView
from jobshape.screens.submit_review import SubmitReview
from jobshape.widgets.entry_form import EntryForm, FormField, Note
from jobshape.widgets.palette import palette_of
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean
from textual import on
from textual.binding import Binding
from textual.timer import Timer
from textual.widget import Widget

if TYPE_CHECKING:
    from jobshape.screens.room import Room

COMMAND = "{{command}}"
"""What a template holds where its command goes."""

EXAMINE_AFTER_S = 0.8
"""How long nothing is typed before the pre-flight looks again: it asks the site."""

_ACCOUNTS = frozenset({"account", "qos"})


def submit(screen: "Room") -> None:
    """Choose a script, fill in the form, look at it, send it."""
    screen.run_worker(_submit(screen), group="submit", exclusive=True, exit_on_error=False)


async def _submit(screen: "Room") -> None:
    draft = await choose_script(screen)
    if draft is not None:
        await screen.app.push_screen_wait(SubmitScreen(screen, draft))


class SubmitScreen(Dialog[None]):
    """Stays until the job is sent and kept in history, or the person leaves."""

    AUTO_FOCUS: ClassVar[str | None] = "EntryForm Entry"
    BINDINGS = [Binding("escape", "leave", "Back", show=False)]

    def __init__(self, room: "Room", draft: Draft) -> None:
        super().__init__(
            f"Submit {clean(draft.path or draft.final_name, room.glyphs)[-60:]}", room.glyphs
        )
        self._room = room
        self._draft = draft
        self._own = draft.own_shape
        self._site = ShapeView(room.board)
        self._lines: Sequence[CheckLine] | None = None
        self._known: tuple[Draft, Sequence[CheckLine]] | None = None  # looked at last
        self._trouble = ""
        self._delay: Timer | None = None
        self._busy = False
        self._sending = False
        self._last: SubmissionRecord | None = None
        self.problems: Mapping[str, str] = {}

    @property
    def form(self) -> EntryForm:
        """The fields."""
        return self.query_one(EntryForm)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being asked."""
        return not self._busy and not self._sending

    @property
    def has_checks(self) -> bool:
        """Whether the pre-flight has said its lines of what stands in the form."""
        return self._lines is not None

    def content(self) -> Iterable[Widget]:
        """The form, what it would do, the pre-flight in a line, the keys."""
        yield EntryForm(self._fields(), self.glyphs)
        yield Words([[], [], [], []], id="effect")
        yield Words(self._keys(), id="keys")

    def _fields(self) -> list[FormField]:
        own = self._draft.script.options()
        first = [FormField("name", "Name", self._draft.final_name)]
        if COMMAND in self._draft.text:
            first.append(FormField("command", "Command", "", "python train.py --epochs 10"))
        else:
            first.append(FormField("arguments", "Arguments", "", "for the script"))
        first.append(FormField("reason", "Why", "", "kept in history"))
        first.append(FormField("work_dir", "Folder", own.get("chdir", ""), "the one at hand"))
        left_out = _ACCOUNTS if self._room.board.link.is_local else frozenset[str]()
        return first + [
            FormField(
                one.name, one.title, show_entry(one.kind, getattr(self._own, one.name)),
                "" if one.kind == "text" else "the site's default",
            )
            for one in SHAPE_FIELDS
            if one.name not in left_out
        ]  # fmt: skip

    def on_mount(self) -> None:
        """The limits are asked for, the pre-flight begins."""
        super().on_mount()
        self.run_worker(self._ask_limits(), group="limits", exit_on_error=False)
        self.run_worker(self._as_last_time(), group="last", exit_on_error=False)
        self._show()
        self._examine()

    async def _ask_limits(self) -> None:
        self._site.limits = await self._room.context.limits.get()
        self._show()

    async def _as_last_time(self) -> None:
        """What this script was sent with before, where nothing else was typed yet."""
        if not self._draft.path:
            return
        try:
            found = await self._room.context.action_log.submissions()
        except JobshapeError:
            return
        mine = [
            one for one in found or ()
            if one.script_path == self._draft.path and one.outcome == "done"
            and not one.resubmitted_from
        ]  # fmt: skip
        last = mine[0] if mine else None
        if last is None or not self.is_attached:
            return
        self._last = last
        texts = self.form.texts
        for field in SHAPE_FIELDS:
            own, value = getattr(self._own, field.name), getattr(last.shape, field.name)
            is_new = value is not None and value != own and field.name in texts
            if is_new and texts[field.name] == show_entry(field.kind, own):
                self.form.set_text(field.name, show_entry(field.kind, value))
        if last.arguments and not texts.get("arguments", "x"):
            self.form.set_text("arguments", shlex.join(last.arguments))

    # ------------------------------------------------------------------ what was typed

    def read(self) -> tuple[Draft, dict[str, str]]:
        """The draft as typed, and field -> what cannot be read."""
        texts = {name: text.strip() for name, text in self.form.texts.items()}
        problems: dict[str, str] = {}
        given: dict[str, object] = {}
        for name, text in texts.items():
            field = FIELD_OF.get(name)
            own = getattr(self._own, name, None)
            if field is None or text == sanitize(show_entry(field.kind, own)):
                continue
            try:
                given[name] = read_entry(field.kind, text, own)
            except BadEntry as error:
                problems[name] = str(error)
            else:
                if not text:
                    problems[name] = (
                        f"the script says {show_entry(field.kind, own)}: take it out there"
                    )
        arguments: tuple[str, ...] = ()
        try:
            arguments = tuple(shlex.split(texts.get("arguments", "")))
        except ValueError as error:
            problems["arguments"] = f"quotes do not match: {error}"
        text = self._draft.text
        if COMMAND in text:
            if not texts["command"]:
                problems["command"] = "what is it to run?"
            text = text.replace(COMMAND, texts["command"])
        draft = replace(
            self._draft, text=text, arguments=arguments,
            name="" if texts["name"] == sanitize(self._draft.final_name) else texts["name"],
            work_dir="" if texts["work_dir"] == self._draft.script.options().get("chdir", "")
            else texts["work_dir"],
            shape=JobShape(**given),  # type: ignore[arg-type]
        )  # fmt: skip
        try:
            _ = draft.request
        except JobshapeError as error:
            problems.setdefault(self.form.current, error.what)
        return draft, problems

    @on(EntryForm.Changed)
    def _typing(self) -> None:
        self._lines, self._trouble = None, ""
        self._show()
        if self._delay is not None:
            self._delay.stop()
        self._delay = self.set_timer(EXAMINE_AFTER_S, self._examine)

    def _examine(self) -> None:
        preflight = self._room.context.preflight
        draft, problems = self.read()
        if preflight is None or problems or self._busy or self._sending:
            return
        if self._known is not None and self._known[0] == draft:
            self._lines = self._known[1]
            self._show()
            return
        self._busy = True
        self.run_worker(self._look_at(draft), group="examine", exit_on_error=False)

    async def _look_at(self, draft: Draft) -> None:
        preflight = self._room.context.preflight
        assert preflight is not None
        try:
            lines = await preflight.examine(draft)
            trouble = ""
        except JobshapeError as error:
            lines, trouble = None, f"pre-flight: {error}"
        finally:
            self._busy = False
        if not self.is_attached:
            return
        now, problems = self.read()
        if now == draft:
            self._lines, self._trouble = lines, trouble
            self._known = None if lines is None else (draft, lines)
        elif not problems:
            self._examine()
        self._show()

    # ------------------------------------------------------------------ what is shown

    def _show(self) -> None:
        if not self.is_attached:
            return
        draft, self.problems = self.read()
        shape = draft.shape.over(self._own)
        bounds = self._site.bounds(shape)
        notes = {one.name: self._note(one.name, shape, bounds) for one in self.form.fields}
        self.form.show(notes, [name for name, _ in draft.shape.said()])
        self.query_one("#effect", Words).say(self._effect(shape))
        self.query_one("#keys", Words).say(self._keys())

    def _note(self, name: str, shape: JobShape, bounds: Mapping[str, Bound]) -> Note:
        field, bound = FIELD_OF.get(name), bounds.get(name, Bound())
        wrong = self.problems.get(name, "")
        if field is None:
            return Note("", wrong)
        own, value = getattr(self._own, name), getattr(shape, name)
        if not wrong:
            wrong = excess(name, value, bound)
        was = "" if value == own else f"{show_entry(field.kind, own) or 'not said'}"
        now = show_entry(field.kind, value)
        if was and now != self.form.texts[name].strip():
            was = f"{was}, now {now}"
        help = field.help if self.form.current == name else ""
        return Note(words_of(name, bound) or help, wrong, was, brief_of(name, bound))

    def _effect(self, shape: JobShape) -> list[list[Piece]]:
        palette, glyphs = palette_of(self.app), self.glyphs
        fits, room = self._site.room(shape)
        lines: list[list[Piece]] = [[]]
        lines.append([(f"  {clean(room, glyphs)}", palette.text if fits else palette.warning)])
        money = cost_words([(shape, shape, 1)], self._room.context.prices)
        if self._last is not None:
            job = f" as {self._last.job_id}" if self._last.job_id else ""
            money = f"filled in as it was last sent{job}{'; ' if money else ''}{money}"
        lines.append([(f"  {clean(money, glyphs)}", palette.muted)])
        if self._lines is not None:
            text, role = tally(self._lines)
            lines.append([(f"  {text}", getattr(palette, role))])
        elif self._trouble:
            width = self.query_one("#effect").size.width
            trouble = clean(self._trouble, glyphs)
            return with_whole([*lines, []], trouble, palette.warning, width)
        elif self._room.context.preflight is not None:
            lines.append([("  pre-flight ...", palette.muted)])
        return lines

    def _keys(self) -> list[list[Piece]]:
        palette = palette_of(self.app)
        key = palette.key_blocked if self.problems else palette.key
        return [[
            ("  Enter", key), (" look at it: pre-flight and script", palette.muted),
            ("   Esc", palette.key), (" leave", palette.muted),
        ]]  # fmt: skip

    # ------------------------------------------------------------------ keys

    @on(EntryForm.Submitted)
    def _entered(self) -> None:
        if self._sending:
            return
        self._show()
        if self.problems:
            self.form.focus_on(next(iter(self.problems)))
            return
        self.run_worker(self._review(), group="review", exclusive=True, exit_on_error=False)

    async def _review(self) -> None:
        draft, _ = self.read()
        review = SubmitReview(
            self._room, self._draft, draft, self._lines, reason=self.form.texts["reason"].strip()
        )
        wanted = await self.app.push_screen_wait(review)
        if wanted is None:
            return
        self._sending = True
        self._trouble = f"submitting {draft.final_name}, asking {self._room.board.link.scheduler}"
        self._lines = None
        self._show()
        # The room's work: it goes on, and is told, whatever becomes of this dialog.
        self._room.run_worker(self._send(wanted), group="act", exit_on_error=False)

    async def _send(self, wanted: Submission) -> None:
        room = self._room
        try:
            sent = await send_script(room, wanted)
        finally:
            self._sending = False
        if sent.job_id is not None:
            room.actions.refresh()
        if self.is_attached and sent.is_over:
            self.dismiss(None)
        elif self.is_attached:
            self._trouble = sent.words
            self._show()
        tell(room, sent)

    def action_leave(self) -> None:
        """Nothing is sent; what is being sent cannot be left."""
        if not self._sending:
            self.dismiss(None)
