"""Jobs without a stage, each group with a rule that would claim it; a key writes the rule."""

import asyncio
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.stage import Suggestion
from jobshape.app.stages.rule_file import Planned
from jobshape.app.stages.suggest import suggest
from jobshape.screens.dialog import Dialog, Words
from jobshape.screens.pick import PickScreen
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.pick_list import PickItem
from jobshape.widgets.spans import Piece
from jobshape.widgets.suggestion_list import SuggestionList
from jobshape.widgets.text import clean
from textual import on
from textual.binding import Binding
from textual.widget import Widget

if TYPE_CHECKING:
    from jobshape.screens.stages import StagesScreen

_WRAP = 66


async def open_unassigned(screen: "StagesScreen") -> None:
    """Look for rules beside the loop, then show them."""
    unassigned, assigned = screen.keeper.to_suggest_from()
    found = await asyncio.to_thread(suggest, unassigned, screen.stages, assigned)
    screen.app.push_screen(UnassignedScreen(screen, found))


def _title(suggestions: Sequence[Suggestion]) -> str:
    jobs = sum(one.jobs for one in suggestions)
    return f"{jobs:,} job{'' if jobs == 1 else 's'} without a stage"


class UnassignedScreen(Dialog[None]):
    """The groups; a rule is written only after the person has seen its text and file."""

    BINDINGS = [
        Binding("j,down", "move(1)", "Down", show=False),
        Binding("k,up", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("g,home", "move(-100000)", "Top", show=False),
        Binding("G,end", "move(100000)", "Bottom", show=False),
        Binding("enter,a", "accept", "Accept", show=False),
        Binding("e,s", "stage", "Other stage", show=False),
        Binding("escape,q,u", "leave", "Back", show=False),
    ]

    def __init__(self, screen: "StagesScreen", suggestions: Sequence[Suggestion]) -> None:
        super().__init__(_title(suggestions), screen.glyphs)
        self._stages_screen = screen
        self._suggestions = suggestions
        self.is_busy = False

    def content(self) -> Iterable[Widget]:
        """The keys, the groups."""
        yield Words(self._keys(), id="keys")
        yield SuggestionList(self._suggestions, self.glyphs, id="list")

    def _keys(self) -> list[list[Piece]]:
        palette = palette_of(self.app)
        accept = "" if self._stages_screen.read_only else "Enter"
        is_wide = self.app.size.width > 90
        return [[
            (f"  {accept}", palette.key), (" accept the rule" if accept else "", palette.muted),
            ("   e", palette.key), (" another stage", palette.muted),
            ("   Esc", palette.key), (" back", palette.muted),
            ("   nothing is assigned before you accept" if is_wide and accept else "",
             palette.faint),
        ], []]  # fmt: skip

    @property
    def list(self) -> SuggestionList:
        """The groups."""
        return self.query_one(SuggestionList)

    def action_move(self, by: int) -> None:
        """Next or previous group."""
        self.list.move(by)

    def action_page(self, by: int) -> None:
        """One page."""
        self.list.move(by * self.list.page)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_stage(self) -> None:
        """Choose the stage of the rule."""
        self._choose_stage(then_accept=False)

    @on(SuggestionList.Picked)
    def _picked(self) -> None:
        self.action_accept()

    def action_accept(self) -> None:
        """Show what would be written where; ask for the stage first where none is suggested."""
        item = self.list.item
        if item is None or self.is_busy:
            return
        if self._stages_screen.read_only:
            self._tell("Rule not added", "this session is read-only: it writes no settings")
        elif not item.stage:
            self._choose_stage(then_accept=True)
        else:
            self.is_busy = True
            self.run_worker(self._accept(item), exit_on_error=False)

    def _choose_stage(self, *, then_accept: bool) -> None:
        item = self.list.item
        if item is None:
            return
        items = [
            PickItem(stage, stage, current=stage == item.stage)
            for stage in self._stages_screen.stages
        ]

        def chosen(stage: str | None) -> None:
            if stage is not None:
                self.list.replace(item._replace(stage=stage))
                if then_accept:
                    self.action_accept()

        self.app.push_screen(PickScreen("Stage of these jobs", items, self.glyphs), chosen)

    async def _accept(self, item: Suggestion) -> None:
        """Ask, write, and have the collector use it."""
        screen = self._stages_screen
        rule = item.named(item.stage)
        try:
            plan = await asyncio.to_thread(screen.rule_file.plan, rule)
            if not await self.app.push_screen_wait(RuleScreen(item, plan, self.glyphs)):
                return
            rules = await asyncio.to_thread(screen.rule_file.accept, rule)
        except JobshapeError as error:
            self._tell("Rule not added", str(error))
            return
        finally:
            self.is_busy = False
        screen.actions.set_stage_rules(rules)
        screen.keeper.set_rules(rules)
        screen.recount()
        self.list.replace(None)
        self.query_one("#box").border_title = _title(self.list.suggestions)
        self._fit()
        screen.status.say(f"rule for {item.stage} added to {plan.path.name}")
        if not self.list.suggestions:
            self.dismiss(None)

    def _tell(self, title: str, words: str) -> None:
        self.app.push_screen(TroubleScreen(title, words, self.glyphs))


class RuleScreen(Dialog[bool]):
    """The rule as it would be written, and the file. Gives True only for ``y``."""

    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape,q", "answer(False)", "No", show=False),
    ]

    def __init__(self, item: Suggestion, plan: Planned, glyphs: Glyphs) -> None:
        super().__init__(f"Add this rule for {clean(item.stage, glyphs)}?", glyphs)
        self._item = item
        self._plan = plan

    def content(self) -> Iterable[Widget]:
        """The text, the file, what it claims, the two answers."""
        palette, glyphs, plan, item = palette_of(self.app), self.glyphs, self._plan, self._item
        lines: list[list[Piece]] = [[]]
        lines += [[("    " + clean(line, glyphs), palette.strong)]
                  for line in plan.text.splitlines()]  # fmt: skip
        where = "the project's file" if plan.is_project else "your settings file"
        new = ", which does not exist yet" if plan.is_new else ""
        said = [f"It goes behind the rules in {where}{new}:"]
        lines.append([])
        lines += [[(f"  {text}", palette.muted)] for text in said]
        lines += [[("    " + part, palette.text)]
                  for part in textwrap.wrap(clean(str(plan.path), glyphs), _WRAP)]  # fmt: skip
        jobs = f"{item.jobs:,} job{'' if item.jobs == 1 else 's'}"
        lines += [[], [(f"  It claims {jobs} without a stage.", palette.muted)]]
        if item.others:
            text = (f"Its patterns fit {item.others:,} jobs that have a stage, too: they change "
                    "theirs unless a rule before it claims them.")  # fmt: skip
            lines += [[("  " + part, palette.warning)] for part in textwrap.wrap(text, _WRAP)]
        lines += [[], [
            ("  y", palette.key), (" add it", palette.strong),
            ("     n", palette.key), (" leave the file as it is", palette.text),
        ]]  # fmt: skip
        yield Words(lines)

    def action_answer(self, yes: bool) -> None:
        """Answer."""
        self.dismiss(yes)


class TroubleScreen(Dialog[None]):
    """What went wrong, where, and what to do."""

    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS = [Binding("escape,enter,q,space", "leave", "Back", show=False)]

    def __init__(self, title: str, words: str, glyphs: Glyphs) -> None:
        super().__init__(title, glyphs)
        self.words = words

    def content(self) -> Iterable[Widget]:
        """The words."""
        palette = palette_of(self.app)
        parts = textwrap.wrap(clean(self.words, self.glyphs), _WRAP)
        lines: list[list[Piece]] = [[], *([("  " + part, palette.failed)] for part in parts)]
        lines += [[], [("  Esc", palette.key), (" back", palette.muted)]]
        yield Words(lines)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)
