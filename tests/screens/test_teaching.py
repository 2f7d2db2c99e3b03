"""A failure that nothing explains: a line of it becomes a rule, after the person saw it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from driving import lines_of
from job_world import job_app, job_board, open_job, press_job
from jobshape.app.domain.errors import ConfigError
from jobshape.app.domain.finding import Evidence, Finding
from jobshape.app.own_rules import PlannedRule
from textual.pilot import Pilot

LINE = "frobnicator: [red]flux[/red] is out of range"
UNEXPLAINED = Finding(
    "unknown", 0.5, "MEDIUM", "unknown failure", "Nothing says why.", "Add a rule.", "none",
    "maybe",
    (Evidence("slurm", "State", None, "FAILED"), Evidence("stderr", "/x", 7, LINE)), "",
)  # fmt: skip
FAILED = 9303


class Rules:
    """Stands where the file of rules stands."""

    def __init__(self) -> None:
        self.planned: list[tuple[str, str]] = []
        self.accepted: list[PlannedRule] = []
        self.refuses = False

    def classes(self) -> list[tuple[str, str]]:
        return [("app_error", "a program's own error"), ("corrupt_data", "damaged input")]

    def plan(self, line: str, label: str) -> PlannedRule:
        self.planned.append((line, label))
        return PlannedRule(Path("/p/.jobshape/rules.toml"), True, f'class = "{label}"\n', True)

    def accept(self, plan: Any) -> None:
        if self.refuses:
            raise ConfigError("cannot be written", where=str(plan.path))
        self.accepted.append(plan)


async def until_shown(pilot: Pilot[None], text: str) -> None:
    for _ in range(400):
        await pilot.pause(0.01)
        if text in "\n".join(lines_of(pilot)):
            return
    raise AssertionError("\n".join(lines_of(pilot)))


def app_with(rules: Rules | None) -> Any:
    board = job_board()
    board.set_findings(FAILED, [UNEXPLAINED])
    return job_app(board=board, rules=rules)


async def test_a_line_becomes_a_rule() -> None:
    rules = Rules()
    app = app_with(rules)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_job(pilot, FAILED)
        await pilot.press("plus")
        await until_shown(pilot, "Which line tells the cause?")
        assert LINE in "\n".join(lines_of(pilot))  # as it is, never as markup
        await pilot.press("enter")
        await until_shown(pilot, "What does it mean?")
        await pilot.press("down", "enter")
        await until_shown(pilot, 'class = "corrupt_data"')
        assert rules.planned == [(LINE, "corrupt_data")]
        await pilot.press("y")
        await until_shown(pilot, "rule added to rules.toml")
        assert len(rules.accepted) == 1
        assert FAILED not in app.board.findings


async def test_nothing_is_written_without_a_yes() -> None:
    rules = Rules()
    async with app_with(rules).run_test(size=(80, 24)) as pilot:
        await open_job(pilot, FAILED)
        await pilot.press("plus")
        await until_shown(pilot, "Which line")
        await pilot.press("enter")
        await until_shown(pilot, "What does it mean?")
        await pilot.press("enter")
        await until_shown(pilot, "Add this failure rule?")
        await pilot.press("n")
        await press_job(pilot)
        assert rules.accepted == []


async def test_trouble_is_told() -> None:
    rules = Rules()
    rules.refuses = True
    async with app_with(rules).run_test(size=(120, 40)) as pilot:
        await open_job(pilot, FAILED)
        await pilot.press("plus")
        for text, key in (("Which line", "enter"), ("What does", "enter"), ("Add this", "y")):
            await until_shown(pilot, text)
            await pilot.press(key)
        await until_shown(pilot, "the rule was not added")


async def test_only_for_what_nothing_explains() -> None:
    async with app_with(Rules()).run_test(size=(120, 40)) as pilot:
        await open_job(pilot, 9112)
        await press_job(pilot, "plus")
        assert "only for a failure that nothing explains" in "\n".join(lines_of(pilot))
