"""The stages: what its keys do, that it follows the board, and how it looks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from driving import Clock, lines_of, make_app, queue_of
from driving import settle as settle_queue
from jobshape.app.board.board import Board
from jobshape.app.settings.load import load_settings
from jobshape.screens.room import BoardChanged
from jobshape.screens.stages import SESSION_ONLY, StagesScreen, stage_filter
from jobshape.screens.unassigned import RuleScreen, TroubleScreen, UnassignedScreen
from jobshape.widgets.glyphs import ASCII, UNICODE
from jobshape.widgets.stage_bars import histogram, shares
from jobshape.widgets.stage_columns import STAGE_COLUMNS, place
from jobshape.widgets.stage_table import StageTable
from recorded import LIVE, NOW, RecordedActions, job, recorded_board
from staged import BROKEN, RecordedPast, past_run
from textual.pilot import Pilot

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "120x40", "200x60"])
LONGEST_S = 20.0


@pytest.fixture(autouse=True)
def own_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Rules go into a folder of this test alone."""
    monkeypatch.setenv("JOBSHAPE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("JOBSHAPE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("jobshape.screens.stages.AGAIN_S", 0.02)
    monkeypatch.setattr("jobshape.screens.stages.COUNT_SHARE", 0.5)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".jobshape.toml"
    path.write_text("# the project\n", "utf-8")
    return path


def stages_of(pilot: Pilot[None]) -> StagesScreen:
    """The stages, also while a dialog is open."""
    screen = next(s for s in pilot.app.screen_stack if isinstance(s, StagesScreen))
    return screen


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait until something holds, and the screen has drawn it."""
    deadline = asyncio.get_running_loop().time() + LONGEST_S
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "it never came"
        await asyncio.sleep(0.005)
        await pilot.pause()
    await pilot.pause()


async def settle(pilot: Pilot[None]) -> StagesScreen:
    """Wait until everything known is counted and shown."""
    screen = stages_of(pilot)
    await until(pilot, lambda: screen.is_settled)
    return screen


async def open_stages(pilot: Pilot[None], *keys: str) -> StagesScreen:
    """Go there and press keys, each on a screen at rest."""
    await settle_queue(pilot)
    await pilot.press("2")
    await settle(pilot)
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
    return stages_of(pilot)


async def changed(pilot: Pilot[None]) -> None:
    """Tell the screen of a change, as the collector's client does."""
    screen = stages_of(pilot)
    before = screen.picture
    screen.post_message(BoardChanged(screen.board.revision))
    await until(pilot, lambda: screen.picture is not before and screen.is_settled)


def text_of(pilot: Pilot[None]) -> str:
    return "\n".join(lines_of(pilot))


def line_with(pilot: Pilot[None], word: str) -> str:
    return next(line for line in lines_of(pilot) if word in line)


async def test_the_cursor_begins_on_the_bottleneck_and_stays_with_its_stage() -> None:
    board = recorded_board()
    async with make_app(board, past=RecordedPast()).run_test(size=MIDDLE) as pilot:
        screen = await open_stages(pilot)
        worst = screen.picture.bottleneck
        assert worst is not None
        assert screen.table.cursor_stage == worst.stage == "preprocessing"
        assert "bottleneck: preprocessing" in lines_of(pilot)[1]
        await open_stages(pilot, "G", "k", "k")
        assert screen.table.cursor_stage == "training"
        gone = [one.job_id for one in board.jobs.values() if one.stage == "unassigned"]
        board.change_jobs([job(9990, "RUNNING", stage="alpha_new", start_time=NOW - 60)], gone)
        await changed(pilot)
        assert [one.stage for one in screen.picture.stages][-2:] == ["eval", "alpha_new"]
        assert screen.table.cursor_stage == "training"
        await pilot.press("b")
        assert screen.table.cursor_stage == "preprocessing"


async def test_a_change_that_alters_no_figure_paints_nothing() -> None:
    async with make_app(past=RecordedPast()).run_test(size=MIDDLE) as pilot:
        screen = await open_stages(pilot)
        painted: list[Any] = []
        screen.table.refresh = lambda *regions, **_: painted.append(regions)  # type: ignore
        await changed(pilot)
        assert painted == []
        board = screen.board
        first = next(j for j in board.jobs.values() if j.stage == "caching")
        board.change_jobs([first._replace(state="COMPLETED", end_time=NOW)])
        await changed(pilot)
        (regions,) = painted
        assert len(regions) < 4


async def test_enter_shows_the_stages_jobs_in_the_queue() -> None:
    async with make_app(past=RecordedPast()).run_test(size=MIDDLE) as pilot:
        await open_stages(pilot, "g")
        await pilot.press("enter")
        await settle_queue(pilot)
        queue = queue_of(pilot)
        assert pilot.app.screen is queue
        assert queue.view.query.text == "stage=data_fetching"
        shown = {queue.view.row(n).job.stage for n in range(len(queue.view))}
        assert shown == {"data_fetching"}
        await pilot.press("escape")
        await settle_queue(pilot)
        assert len(queue.view) > 20
    assert stage_filter('odd stage"x') == 'stage="odd stage"x"'


async def test_baseline_and_window_by_key() -> None:
    past = RecordedPast()
    async with make_app(past=past).run_test(size=MIDDLE) as pilot:
        screen = await open_stages(pilot)
        one = next(s for s in screen.picture.stages if s.stage == "preprocessing")
        assert (one.runs, one.counts.done, one.counts_capped) == (20, 192, True)
        await open_stages(pilot, "n")
        assert "50 newest runs in 14 days" in text_of(pilot)
        one = next(s for s in screen.picture.stages if s.stage == "preprocessing")
        assert one.runs == 50
        await open_stages(pilot, "n", "n", "N", "N", "N", "N")
        assert screen.keeper.baseline == 10
        asked = len(past.asked)
        await open_stages(pilot, "W", "W", "W")
        assert screen.keeper.window_s == 86400
        assert past.asked[-1] == (NOW - 86400, 200)
        assert len(past.asked) > asked
        one = next(s for s in screen.picture.stages if s.stage == "preprocessing")
        assert one.counts.done < 75
        await open_stages(pilot, "w", "w", "w", "w")
        assert past.asked[-1] == (0, 200)
        assert "newest runs ever" in text_of(pilot)
        assert (screen.kept.stage_runs, screen.kept.stage_days) == (10, 0)
    async with make_app(past=past, kept=screen.kept).run_test(size=MIDDLE) as pilot:
        await open_stages(pilot)
        assert "10 newest runs ever" in text_of(pilot)


async def test_without_history_the_board_has_to_do_and_it_is_said() -> None:
    async with make_app().run_test(size=MIDDLE) as pilot:
        screen = await open_stages(pilot)
        one = next(s for s in screen.picture.stages if s.stage == "training")
        assert (one.counts.done, one.counts.failed) == (8, 4)
        assert one.elapsed is not None
        fetch = next(s for s in screen.picture.stages if s.stage == "data_fetching")
        assert fetch.memory is None and fetch.elapsed is not None
        assert SESSION_ONLY in lines_of(pilot)[-2]


async def test_a_history_that_fails_is_said_and_asked_again() -> None:
    past, clock = RecordedPast(), Clock()
    past.error = BROKEN
    async with make_app(past=past, clock=clock).run_test(size=LARGE) as pilot:
        screen = await open_stages(pilot)
        assert f"{SESSION_ONLY}: the history file is locked" in lines_of(pilot)[-2]
        past.error = None
        clock.now += 61
        screen.tick()
        await until(pilot, lambda: screen.is_settled and not screen.picture.problem)
        assert SESSION_ONLY not in text_of(pilot)


async def test_figures_move_on_with_the_clock() -> None:
    clock = Clock()
    async with make_app(past=RecordedPast(), clock=clock).run_test(size=MIDDLE) as pilot:
        screen = await open_stages(pilot)
        before = {one.stage: one.waiting_longest_s for one in screen.picture.stages}
        clock.now += 10
        screen.tick()
        await until(pilot, lambda: screen.picture.at == NOW + 10)
        after = {one.stage: one.waiting_longest_s for one in screen.picture.stages}
        assert after["preprocessing"] == (before["preprocessing"] or 0) + 10


async def test_an_accepted_rule_is_written_and_handed_on(own_project: Path) -> None:
    actions = RecordedActions()
    board = recorded_board()
    board.change_jobs([job(9800 + n, "PENDING", name=f"eval-{n}") for n in range(3)])
    app = make_app(board, actions=actions, past=RecordedPast())
    async with app.run_test(size=MIDDLE) as pilot:
        await open_stages(pilot)
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnassignedScreen))
        dialog = app.screen
        assert isinstance(dialog, UnassignedScreen)
        count = len(dialog.list.suggestions)
        assert dialog.list.item is not None and dialog.list.item.stage == "eval"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RuleScreen))
        assert r"name = '^eval-\d+$'" in text_of(pilot)
        assert own_project.name in text_of(pilot)
        assert own_project.read_text("utf-8") == "# the project\n"
        await pilot.press("enter")  # pressed once too often: does nothing
        assert isinstance(app.screen, RuleScreen)
        await pilot.press("y")
        await until(pilot, lambda: len(dialog.list.suggestions) == count - 1)
    rules = load_settings().settings.stage_rules
    assert [(rule.stage, rule.name) for rule in rules] == [("eval", r"^eval-\d+$")]
    (handed,) = [args["rules"] for method, args in actions.asked if method == "set_stage_rules"]
    assert handed[0]["name"] == r"^eval-\d+$"
    assert own_project.read_text("utf-8").startswith("# the project\n")


async def test_a_group_that_speaks_of_no_stage_asks_for_one(own_project: Path) -> None:
    board = recorded_board(records=[job(1, "RUNNING", name="mpi-7", start_time=NOW)])
    app = make_app(board)
    async with app.run_test(size=MIDDLE) as pilot:
        await open_stages(pilot)
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnassignedScreen))
        await pilot.press("a")
        await until(pilot, lambda: "Stage of these jobs" in text_of(pilot))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, RuleScreen))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, UnassignedScreen))
        assert "caching" in line_with(pilot, "1 job  ")
        assert own_project.read_text("utf-8") == "# the project\n"


async def test_a_file_that_cannot_be_written_is_told(own_project: Path) -> None:
    own_project.write_text("stages = [\n", "utf-8")
    app = make_app()
    async with app.run_test(size=MIDDLE) as pilot:
        await open_stages(pilot)
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnassignedScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TroubleScreen))
        assert isinstance(app.screen, TroubleScreen)
        words = app.screen.words
        assert "is not TOML" in words and str(own_project) in words
    assert own_project.read_text("utf-8") == "stages = [\n"


async def test_settings_broken_meanwhile_are_said_and_history_counts_all_the_same(
    own_project: Path,
) -> None:
    own_project.write_text("stages = [\n", "utf-8")
    async with make_app(past=RecordedPast()).run_test(size=LARGE) as pilot:
        screen = await open_stages(pilot)
        assert "the stage rules cannot be read" in lines_of(pilot)[-2]
        assert not screen.picture.problem
        assert next(s for s in screen.picture.stages if s.stage == "training").runs == 20


async def test_a_read_only_session_writes_no_rule(own_project: Path) -> None:
    app = make_app(read_only=True)
    async with app.run_test(size=MIDDLE) as pilot:
        await open_stages(pilot)
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnassignedScreen))
        assert "accept" not in text_of(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TroubleScreen))
        assert "read-only" in text_of(pilot)


async def test_where_every_job_has_a_stage_the_key_says_so() -> None:
    board = recorded_board(records=[job(1, "RUNNING", stage="eval", start_time=NOW)])
    async with make_app(board).run_test(size=MIDDLE) as pilot:
        await open_stages(pilot, "u")
        assert "every job has a stage" in lines_of(pilot)[-2]


async def test_texts_of_others_reach_the_terminal_harmless() -> None:
    runs = [past_run(1, "odd\x1b[31m", "FAILED", ago_s=60, ran_s=60, finding="oom\x07bell")]
    records = [job(2, "PENDING", name="train\x1b]0;x\x07", stage="unassigned")]
    app = make_app(recorded_board(records=records), past=RecordedPast(runs))
    async with app.run_test(size=LARGE) as pilot:
        await open_stages(pilot)
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, UnassignedScreen))
        assert not any(ord(char) < 32 for line in lines_of(pilot) for char in line)


async def test_the_cursor_is_seen_where_there_are_more_stages_than_lines() -> None:
    records = [job(n, "PENDING", stage=f"stage_{n:02d}") for n in range(40)]
    async with make_app(recorded_board(records=records)).run_test(size=SMALL) as pilot:
        screen = await open_stages(pilot, "G")
        table = screen.query_one(StageTable)
        assert table.cursor_stage == "stage_39"
        assert "stage_39" in text_of(pilot)
        await open_stages(pilot, "g")
        assert "data_fetching" in text_of(pilot).split("bottleneck")[1]


def test_bars_fill_their_width_and_show_whatever_is_there() -> None:
    assert shares((1, 0, 10_000), 10) == [1, 0, 9]
    assert shares((0, 0), 5) == [0, 0]
    assert sum(shares((3, 3, 3), 10)) == 10
    assert sum(shares((1, 1, 1, 1, 1), 3)) == 3


def test_histograms_mark_the_limit_and_show_every_figure() -> None:
    made = histogram((1.0, 1.0, 50.0), 100.0, 20, 3, UNICODE)
    assert made.limit_at == 19 and made.top == 100.0
    assert [len(line) for line in made.lines] == [20, 20, 20]
    assert made.lines[-1][0] == "█" and made.lines[-1][9] != " "
    beyond = histogram((120.0,), 100.0, 25, 1, ASCII)
    assert (beyond.limit_at, beyond.top) == (20, 120.0)
    assert beyond.lines[0][24] == "#"


@pytest.mark.parametrize("width", range(30, 240, 7))
def test_columns_fit_every_width(width: int) -> None:
    placed = place(width, STAGE_COLUMNS, 1, 2)
    assert 2 + sum(p.width + 1 for p in placed) - 1 <= width
    assert placed[0].column.key == "stage"


# ------------------------------------------------------------------ pictures

Compare = Callable[..., bool]


def keys(*names: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Go to the stages and press these before the picture is taken."""

    async def run(pilot: Pilot[None]) -> None:
        await open_stages(pilot, *names)

    return run


def dialog(*names: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Open the unassigned jobs, and press these there."""

    async def run(pilot: Pilot[None]) -> None:
        await open_stages(pilot)
        await pilot.press("u")
        await until(pilot, lambda: isinstance(pilot.app.screen, UnassignedScreen))
        for name in names:
            await pilot.press(name)
        if "enter" in names:
            await until(pilot, lambda: isinstance(pilot.app.screen, RuleScreen))

    return run


def with_unassigned() -> Board:
    """The board, and some jobs whose names speak of a stage."""
    board = recorded_board()
    board.change_jobs([
        *(job(9800 + n, "PENDING", name=f"eval-ckpt{n:03d}") for n in range(12)),
        job(9820, "PENDING", name="finetune-7b"), job(9821, "PENDING", name="finetune_13b_lora"),
        job(9822, "PENDING", name="wrap", work_dir="/home/alice/exp12/embed"),
    ])  # fmt: skip
    return board


@SIZES
@pytest.mark.usefixtures("pinned")
def test_stages(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app(past=RecordedPast())
    assert snap_compare(app, terminal_size=size, run_before=keys())


@pytest.mark.usefixtures("pinned")
def test_stages_light(snap_compare: Compare) -> None:
    app = make_app(past=RecordedPast(), theme="textual-light")
    assert snap_compare(app, terminal_size=MIDDLE, run_before=keys("G", "k", "k"))


@pytest.mark.usefixtures("pinned")
def test_stages_ascii(snap_compare: Compare) -> None:
    app = make_app(past=RecordedPast(), ascii=True, theme="ansi-dark")
    assert snap_compare(app, terminal_size=MIDDLE, run_before=keys("g"))


@pytest.mark.usefixtures("pinned")
def test_stages_without_history(snap_compare: Compare) -> None:
    assert snap_compare(make_app(), terminal_size=SMALL, run_before=keys())


@pytest.mark.usefixtures("pinned")
def test_stages_empty(snap_compare: Compare) -> None:
    app = make_app(recorded_board(LIVE._replace(jobs=0), records=[]), past=RecordedPast([]))
    assert snap_compare(app, terminal_size=SMALL, run_before=keys())


@SIZES
@pytest.mark.usefixtures("pinned")
def test_unassigned(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app(with_unassigned(), past=RecordedPast())
    assert snap_compare(app, terminal_size=size, run_before=dialog("j"))


@pytest.mark.usefixtures("pinned")
def test_rule(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobshape.app.stages import rule_file

    # The real file's folder has another name in each run: the picture shows one that stays.
    real = rule_file.RuleFile.plan
    path = Path("/home/alice/project/.jobshape.toml")
    monkeypatch.setattr(
        rule_file.RuleFile, "plan", lambda self, rule: real(self, rule)._replace(path=path)
    )
    app = make_app(with_unassigned(), past=RecordedPast())
    assert snap_compare(app, terminal_size=SMALL, run_before=dialog("enter"))
