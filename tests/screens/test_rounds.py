"""The rounds screen on real stores: what it shows, its keys, and what they ask for."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import campaign_store
import pytest
from campaign_store import MANIFEST, QUESTION, Filled
from driving import lines_of, make_app, press, settle, type_text
from jobshape.screens.rounds import RoundsScreen
from jobshape.widgets.row_list import RowList
from recorded import NOW
from textual.pilot import Pilot

GROUPS = ("steer", "begin", "report", "read")
"""Of the screen's own work."""

Compare = Callable[..., bool]
SIZES = pytest.mark.parametrize(
    "size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"]
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of its own in which a process seems to run campaigns; none is started."""
    path = tmp_path / "state"
    path.mkdir(mode=0o700)
    monkeypatch.setenv("JOBSHAPE_STATE_DIR", str(path))
    monkeypatch.setattr("jobshape.app.rounds_process.start", lambda site, options: None)
    with campaign_store.a_runner(path):
        yield path


def app_with(filled: Filled, **more: Any) -> Any:
    return make_app(campaigns=filled.campaigns(read_only=more.get("read_only", False)), **more)


async def at_rounds(pilot: Pilot[None], *keys: str) -> RoundsScreen:
    await press(pilot, "6", *keys)
    room = pilot.app.room  # type: ignore[attr-defined]
    assert isinstance(room, RoundsScreen)
    return room


def text_of(pilot: Pilot[None]) -> str:
    return "\n".join(lines_of(pilot))


async def test_empty_says_how_to_begin(folder: Path) -> None:
    async with app_with(Filled(folder)).run_test(size=(80, 24)) as pilot:
        await at_rounds(pilot)
        assert "no campaign yet: s runs a manifest" in text_of(pilot)
        await press(pilot, "enter", "x")
        assert "there is no campaign" in text_of(pilot)


async def test_goes_in_and_out(folder: Path) -> None:
    async with app_with(campaign_store.running(folder)).run_test(size=(120, 40)) as pilot:
        screen = await at_rounds(pilot)
        assert any("distill" in line and "active" in line and "9" in line
                   for line in lines_of(pilot))  # fmt: skip
        await press(pilot, "enter")
        assert screen.focused is not None and screen.focused.id == "rounds"
        shown = text_of(pilot)
        assert "students: scale to all 18" in shown
        assert "[ ] all evidence: 9 jobs have not ended" in shown
        assert "saved" in shown
        await press(pilot, "k")
        assert "lr=1e-2" in text_of(pilot)
        await press(pilot, "enter", "G")
        assert screen.focused is not None and screen.focused.id == "trials"
        await press(pilot, "escape", "escape")
        assert screen.focused is not None and screen.focused.id == "campaigns"
        await press(pilot, "escape")
        assert pilot.app.room is not screen  # type: ignore[attr-defined]


async def test_markup_in_what_is_told_is_text(folder: Path) -> None:
    async with app_with(campaign_store.running(folder)).run_test(size=(200, 60)) as pilot:
        await at_rounds(pilot, "enter", "enter", "j", "j")
        assert "[red]loss[/red]" in text_of(pilot)


async def test_filter_keeps_the_trials_with_the_words(folder: Path) -> None:
    async with app_with(campaign_store.running(folder)).run_test(size=(120, 40)) as pilot:
        screen = await at_rounds(pilot, "enter", "slash")
        await type_text(pilot, "workers=4 failed")
        await press(pilot, "enter")
        trials = screen.query_one("#trials", RowList)
        assert [one.name for one in trials.items] == ["s-1e-3-4-1"]
        assert screen.focused is trials
        await press(pilot, "escape")
        assert len(trials.items) == 12


async def test_a_trial_without_a_job_says_so_and_one_gone_too(folder: Path) -> None:
    async with app_with(campaign_store.running(folder)).run_test(size=(120, 40)) as pilot:
        await at_rounds(pilot, "enter", "enter", "enter")
        assert "is not in the list any more" in text_of(pilot)
        await press(pilot, "G", "enter")
        assert "has no job yet" in text_of(pilot)


async def test_a_trial_opens_its_job(folder: Path) -> None:
    filled = campaign_store.running(folder)
    trial = filled.trial(filled.store.campaigns()[0], 2)
    filled.store.set_attempt(trial.id, 1, job_id=9112, task=None)
    async with app_with(filled).run_test(size=(120, 40)) as pilot:
        screen = await at_rounds(pilot)
        await press(pilot, "enter", "enter", "enter")
        assert any(line.startswith(" 9112") for line in lines_of(pilot)[:3])
        await press(pilot, "escape")
        assert pilot.app.room is screen  # type: ignore[attr-defined]


async def test_pause_and_resume_are_wished(folder: Path) -> None:
    filled = campaign_store.running(folder)
    async with app_with(filled).run_test(size=(80, 24)) as pilot:
        screen = await at_rounds(pilot, "p")
        await settled(pilot, screen)
        assert [(one.campaign, one.what) for one in filled.store.wishes(campaign_store.SITE)] == [
            (1, "pause")
        ]
        filled.store.set_campaign(1, state="paused")
        screen.read()
        await press(pilot, "u")
        await settled(pilot, screen)
        assert [one.what for one in filled.store.wishes(campaign_store.SITE)] == ["pause", "resume"]


async def test_stop_asks_and_counts(folder: Path) -> None:
    filled = campaign_store.running(folder)
    async with app_with(filled).run_test(size=(80, 24)) as pilot:
        screen = await at_rounds(pilot, "x")
        await settled(pilot, screen, dialog=True)
        assert "3 jobs are in the queue or running and will be cancelled" in text_of(pilot)
        await press(pilot, "escape")
        await settled(pilot, screen)
        assert not filled.store.wishes(campaign_store.SITE)
        await press(pilot, "x")
        await settled(pilot, screen, dialog=True)
        await press(pilot, "y")
        await settled(pilot, screen)
        assert [one.what for one in filled.store.wishes(campaign_store.SITE)] == ["stop"]


async def test_answers_a_question(folder: Path) -> None:
    filled = campaign_store.asking(folder)
    async with app_with(filled).run_test(size=(80, 24)) as pilot:
        screen = await at_rounds(pilot, "y")
        shown = " ".join(text_of(pilot).replace("│", " ").split())
        assert " ".join(QUESTION.split()) in shown
        await press(pilot, "s")
        await settled(pilot, screen)
        assert [(one.campaign, one.what) for one in filled.store.wishes(campaign_store.SITE)] == [
            (2, "skip")
        ]


async def test_read_only_changes_nothing(folder: Path) -> None:
    filled = campaign_store.running(folder)
    async with app_with(filled, read_only=True).run_test(size=(80, 24)) as pilot:
        await at_rounds(pilot, "p")
        assert "read-only" in text_of(pilot)
        assert not filled.store.wishes(campaign_store.SITE)


async def test_what_the_runner_writes_is_seen(folder: Path) -> None:
    filled = campaign_store.running(folder)
    async with app_with(filled).run_test(size=(120, 40)) as pilot:
        screen = await at_rounds(pilot, "enter")
        filled.store.tell(1, NOW, "something new happened")
        screen.tick()
        await settle(pilot)
        assert "something new happened" in text_of(pilot)


async def test_starts_from_a_script_in_three_keys(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobshape.yaml").write_text(MANIFEST, "utf-8")
    filled = Filled(folder)
    monkeypatch.setenv("JOBSHAPE_SITE_NAME", "local")
    source = filled.campaigns()
    begun: list[Any] = []

    async def begin(beginning: Any) -> int:
        begun.append(beginning)
        return 7

    monkeypatch.setattr(source, "begin", begin)
    async with make_app(campaigns=source).run_test(size=(80, 24)) as pilot:
        screen = await at_rounds(pilot, "s")
        await settled(pilot, screen, dialog=True)
        await press(pilot, "enter")
        await settled(pilot, screen, dialog="Start distill")
        assert "19 jobs run in rounds" in text_of(pilot)
        await press(pilot, "y")
        await settled(pilot, screen)
        assert [one.jobs for one in begun] == [19]
        assert "campaign 7 of distill has begun" in text_of(pilot)


async def settled(
    pilot: Pilot[None], screen: RoundsScreen, *, dialog: bool | str = False
) -> None:  # fmt: skip
    """Until the key's work has ended, or its dialog stands there."""
    for _ in range(200):
        await settle(pilot)
        if dialog:
            is_there = dialog is True or dialog in text_of(pilot)
            if pilot.app.screen is not screen and is_there:
                return
        elif not any(one.is_running and one.group in GROUPS for one in screen.workers):
            await settle(pilot)
            return
    raise AssertionError("its work never ended")


def many(folder: Path) -> Filled:
    """10,000 trials in one round."""
    filled = Filled(folder)
    text = MANIFEST.replace("seed: [0, 1]", f"seed: {list(range(1111))}")
    one = filled.add(text)
    filled.open(one, 1, "everything", NOW - 900, *range(1, 10000))
    db = filled.store
    with db.transaction():
        for trial in db.trials(one.id)[1:10000]:
            db.set_trial(trial.id, state="running" if trial.number % 3 else "completed")
    return filled


async def test_ten_thousand_trials(folder: Path) -> None:
    filled = many(folder)
    async with app_with(filled).run_test(size=(200, 60)) as pilot:
        screen = await at_rounds(pilot, "enter", "enter")
        trials = screen.query_one("#trials", RowList)
        assert len(trials.items) == 9999
        took = []
        for _ in range(60):
            began = time.perf_counter()
            screen.do_move(1)
            pilot.app.screen._compositor.render_strips()
            took.append(time.perf_counter() - began)
        assert statistics.median(took) < 0.05  # far over what it takes; a rebuild would be more


# --- pictures -------------------------------------------------------------------------------


def keys(*names: str) -> Callable[[Pilot[None]], Any]:
    async def run(pilot: Pilot[None]) -> None:
        await press(pilot, *names)

    return run


@pytest.mark.usefixtures("pinned")
class TestPictures:
    @SIZES
    def test_no_campaign(self, snap_compare: Compare, folder: Path, size: tuple[int, int]) -> None:
        assert snap_compare(app_with(Filled(folder)), terminal_size=size, run_before=keys("6"))

    @SIZES
    def test_campaigns(self, snap_compare: Compare, folder: Path, size: tuple[int, int]) -> None:
        app = app_with(campaign_store.asking(folder))
        assert snap_compare(app, terminal_size=size, run_before=keys("6"))

    @SIZES
    def test_running(self, snap_compare: Compare, folder: Path, size: tuple[int, int]) -> None:
        app = app_with(campaign_store.running(folder))
        assert snap_compare(app, terminal_size=size, run_before=keys("6", "enter"))

    @SIZES
    def test_sweep_trial(self, snap_compare: Compare, folder: Path, size: tuple[int, int]) -> None:
        app = app_with(campaign_store.running(folder))
        before = keys("6", "enter", "k", "enter", "j", "j", "j")
        assert snap_compare(app, terminal_size=size, run_before=before)

    @SIZES
    def test_asking(self, snap_compare: Compare, folder: Path, size: tuple[int, int]) -> None:
        app = app_with(campaign_store.asking(folder))
        assert snap_compare(app, terminal_size=size, run_before=keys("6", "enter"))

    @SIZES
    def test_finished(self, snap_compare: Compare, folder: Path, size: tuple[int, int]) -> None:
        app = app_with(campaign_store.finished(folder))
        assert snap_compare(app, terminal_size=size, run_before=keys("6", "enter"))

    def test_question(self, snap_compare: Compare, folder: Path) -> None:
        app = app_with(campaign_store.asking(folder))
        assert snap_compare(app, terminal_size=(80, 24), run_before=keys("6", "y"))

    def test_ascii(self, snap_compare: Compare, folder: Path) -> None:
        app = app_with(campaign_store.running(folder), ascii=True)
        assert snap_compare(app, terminal_size=(120, 40), run_before=keys("6", "enter"))
