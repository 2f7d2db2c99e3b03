"""Editing, submitting and resubmitting by keys, on a recorded board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from acting_ports import PATH, FakeFiles, FakePreflight
from driving import make_app, press, settle, type_text
from jobshape.app.domain.cost import Prices
from jobshape.app.domain.errors import Refused
from jobshape.app.domain.request import EarliestStart, SubmitRequest
from jobshape.app.domain.resubmission import Correction, LeftOut, Resubmission, ResubmissionPlan
from jobshape.app.domain.shape import JobShape
from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.shape import shape_of
from jobshape.app.tui import JobshapeApp
from jobshape.screens.edit import EditScreen
from jobshape.widgets.entry_form import EntryForm
from recorded import NOW, RecordedActions, recorded_board
from textual.pilot import Pilot

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
GIB = 1 << 30

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def known_causes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks into failures here, so nobody is waited for."""
    monkeypatch.setattr("jobshape.screens.resubmit.LOOK_S", 0.0)


def app_with(*, blocked: bool = True, **more: Any) -> tuple[JobshapeApp, RecordedActions]:
    """The app with files and a pre-flight."""
    actions = RecordedActions()
    actions.answers["earliest_start"] = EarliestStart(NOW + 1200, "g1", "gpu")
    actions.answers["submit"] = 9900
    preflight = FakePreflight() if blocked else FakePreflight(FakePreflight().lines[1:])
    files = FakeFiles()
    more = {"files": files, "preflight": preflight, **more}
    return make_app(actions=actions, prices=Prices("EUR", 0.02, 1.2), **more), actions


def calls(actions: RecordedActions, method: str) -> list[dict[str, Any]]:
    """What was asked of a method."""
    return [arguments for name, arguments in actions.asked if name == method]


async def to_job(pilot: Pilot[None], job_id: int) -> None:
    """The cursor on a job."""
    await settle(pilot)
    app = pilot.app
    assert isinstance(app, JobshapeApp) and app.find_job(job_id)
    await settle(pilot)


async def fill(pilot: Pilot[None], name: str, text: str) -> None:
    """Type into a field of the form."""
    pilot.app.screen.query_one(EntryForm).focus_on(name)
    await pilot.press("ctrl+u")
    await type_text(pilot, text)
    await settle(pilot)


async def test_a_change_is_reviewed_and_sent_as_reviewed() -> None:
    app, actions = app_with()
    async with app.run_test(size=MIDDLE) as pilot:
        await to_job(pilot, 9210)
        await press(pilot, "e")
        await fill(pilot, "memory_bytes", "x2")
        await fill(pilot, "time_limit_s", "+50%")
        await press(pilot, "enter", "y")
        (update,) = calls(actions, "update")
        assert update["job"] == "9210"
        assert update["changes"].memory_bytes == 32 * GIB
        assert update["changes"].time_limit_s == 6 * 3600
        assert update["changes"].cpus_per_task is None


async def test_what_cannot_be_read_is_not_reviewed() -> None:
    app, actions = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await to_job(pilot, 9210)
        await press(pilot, "e")
        await fill(pilot, "memory_bytes", "lots")
        await press(pilot, "enter", "y")
        assert isinstance(app.screen, EditScreen)
        assert not calls(actions, "update")
        assert app.screen.reading.problems


async def test_a_refused_change_opens_the_form_again_with_the_words() -> None:
    app, actions = app_with()
    actions.refused["9210"] = Refused("Memory specification can not be satisfied")
    async with app.run_test(size=MIDDLE) as pilot:
        await to_job(pilot, 9210)
        await press(pilot, "e")
        await fill(pilot, "memory_bytes", "900G")
        await press(pilot, "enter", "y")
        await settle(pilot)
        assert isinstance(app.screen, EditScreen)
        assert app.screen.texts["memory_bytes"] == "900G"
        await pilot.pause()
        note = app.screen._note("memory_bytes", {})
        assert note.problem == "Memory specification can not be satisfied"


async def test_keys_that_come_together_keep_their_order() -> None:
    app, _ = app_with()
    async with app.run_test(size=MIDDLE) as pilot:
        await to_job(pilot, 9210)
        await press(pilot, "e")
        await pilot.press("ctrl+u", "1", "2", "backspace", "9", "G", "down", "down", "ctrl+u", "5")
        await settle(pilot)
        form = app.screen.query_one(EntryForm)
        assert form.texts["memory_bytes"] == "19G"
        assert form.texts["time_limit_s"] == "5"


async def test_a_name_that_looks_like_markup_is_a_name() -> None:
    board = recorded_board()
    board.change_jobs([board.jobs[9210]._replace(name="[/odd][@click=app.quit]x")])
    app, _ = app_with(board=board)
    async with app.run_test(size=MIDDLE) as pilot:
        await to_job(pilot, 9210)
        await press(pilot, "e")
        title = app.screen.query_one("#box").border_title
        assert "[/odd]" in str(title).replace("\\", "")


async def test_a_running_job_is_ended_for_a_new_shape_only_when_read() -> None:
    app, actions = app_with(blocked=False)
    actions.answers["plan_resubmit"] = plan_of("9112")
    async with app.run_test(size=MIDDLE) as pilot:
        await to_job(pilot, 9112)
        await press(pilot, "e")
        await fill(pilot, "memory_bytes", "x2")
        await press(pilot, "enter", "c")
        assert not calls(actions, "submit")
        await press(pilot, "y")
        await settle(pilot)
        (sent,) = calls(actions, "submit")
        assert "--mem=128G" in sent["request"].script
        assert [one["job"] for one in calls(actions, "cancel")] == ["9112"]


async def submitting(pilot: Pilot[None]) -> None:
    """The form of the one script there is."""
    await press(pilot, "n")
    await type_text(pilot, PATH)
    await press(pilot, "enter")
    await pilot.pause(1.0)
    await settle(pilot)


async def test_a_block_stays_until_it_is_lifted_with_a_reason() -> None:
    app, actions = app_with()
    async with app.run_test(size=MIDDLE) as pilot:
        await submitting(pilot)
        await fill(pilot, "memory_bytes", "+50%")
        await press(pilot, "enter", "y")
        assert not calls(actions, "submit")
        await press(pilot, "l")
        await type_text(pilot, "seen it run")
        await press(pilot, "enter", "y")
        await settle(pilot)
        (sent,) = calls(actions, "submit")
        script = sent["request"].script
        assert "#SBATCH --mem=24G   # seen in round 1" in script
        assert "#SBATCH -t 4:00:00" in script


async def test_a_form_sends_once_however_often_it_is_asked() -> None:
    app, actions = app_with(blocked=False)
    async with app.run_test(size=MIDDLE) as pilot:
        await submitting(pilot)
        await press(pilot, "enter")
        await pilot.press("y", "enter", "y", "enter", "y")
        await settle(pilot)
        assert len(calls(actions, "submit")) == 1


async def test_changed_values_are_written_into_the_file() -> None:
    files = FakeFiles()
    app, _ = app_with(files=files)
    async with app.run_test(size=MIDDLE) as pilot:
        await submitting(pilot)
        await fill(pilot, "time_limit_s", "2:00:00")
        await press(pilot, "enter", "w", "y")
        await settle(pilot)
        assert files.written == [files.text.replace("-t 4:00:00", "-t 02:00:00")]


async def test_a_template_wants_its_command() -> None:
    app, actions = app_with(blocked=False)
    async with app.run_test(size=MIDDLE) as pilot:
        await press(pilot, "n")
        await type_text(pilot, "eval")
        await press(pilot, "enter", "enter")
        assert not calls(actions, "submit")
        await fill(pilot, "command", "python eval.py")
        await press(pilot, "enter", "y")
        await settle(pilot)
        (sent,) = calls(actions, "submit")
        assert sent["request"].script.endswith("\npython eval.py\n")


def plan_of(*jobs: str, count: int = 1) -> ResubmissionPlan:
    """What the planner would say of a job out of memory."""
    script = "#!/bin/bash\n#SBATCH --mem=80G\npython train.py\n"
    one = Resubmission(
        jobs, "train-vit-b16", SubmitRequest(script, name="train-vit-b16"),
        (JobShape(memory_bytes=64 * GIB),), (JobShape(memory_bytes=80 * GIB),),
        (Correction("memory_bytes", 64 * GIB, 80 * GIB, "out of memory: +25% over 64G"),),
        script_path=PATH, count=count, warnings=("waits for nothing now; it waited for 9100",),
        diff=("--- train.sh (now)", "+++ train.sh (new)", "-#SBATCH --mem=64G",
              "+#SBATCH --mem=80G"),
    )  # fmt: skip
    return ResubmissionPlan((one,), (LeftOut("completed", 500),))


def failed_job() -> int:
    """A job of the recorded board that is over."""
    return next(
        job.job_id for job in recorded_board().jobs.values() if job.state == "OUT_OF_MEMORY"
    )


async def test_one_key_sends_what_is_resubmitted() -> None:
    app, actions = app_with(blocked=False)
    actions.answers["plan_resubmit"] = plan_of("9150_[1-999:2]", count=500)
    async with app.run_test(size=MIDDLE) as pilot:
        await to_job(pilot, failed_job())
        await press(pilot, "r")
        await pilot.pause(0.1)
        await settle(pilot)
        await pilot.press("y", "y", "y")
        await settle(pilot)
        (sent,) = calls(actions, "submit")
        assert "--mem=80G" in sent["request"].script


def plan_of_het() -> ResubmissionPlan:
    """What the planner would say of a heterogeneous job of which one component wants more."""
    script = f"{HET_HEAD}#SBATCH --mem=8G -n2\nsrun ./coupled\n"
    before = (JobShape(memory_bytes=4 * GIB), JobShape(memory_bytes=8 * GIB))
    after = (replace(before[0], time_limit_s=7200), JobShape(memory_bytes=10 * GIB,
                                                             time_limit_s=7200))  # fmt: skip
    fixes = (
        Correction("time_limit_s", 3600, 7200, "time limit reached: +100% over 01:00:00"),
        Correction("memory_bytes", 8 * GIB, 10 * GIB, "out of memory: +25% over 8G", 1),
        Correction("time_limit_s", 3600, 7200, "components end together: time limit reached", 1),
    )
    one = Resubmission(("9600",), "mpi-coupled", SubmitRequest(script), before, after, fixes,
                       script_path=PATH, job_ids=(9600, 9601))  # fmt: skip
    return ResubmissionPlan((one,))


HET_HEAD = "#!/bin/bash\n#SBATCH --mem=4G -t 60\n#SBATCH hetjob\n"


async def test_a_component_means_the_whole_heterogeneous_job() -> None:
    files = FakeFiles()
    files.text = f"{HET_HEAD}#SBATCH --mem=8G -n2\nsrun ./coupled\n"
    app, actions = app_with(blocked=False, files=files)
    actions.answers["plan_resubmit"] = plan_of_het()
    async with app.run_test(size=MIDDLE) as pilot:
        await to_job(pilot, 9601)
        await press(pilot, "r")
        await settle(pilot)
        (planned,) = calls(actions, "plan_resubmit")
        wanted = planned["wanted"]
        assert {job.job_id for job in wanted.jobs} == {9600, 9601}
        assert wanted.running and not wanted.done
        await press(pilot, "w", "y")
        await settle(pilot)
        (written,) = files.written
        shapes = [shape_of(read_script(written).options(group))[0] for group in (0, 1)]
        assert [one.memory_bytes for one in shapes] == [4 * GIB, 10 * GIB]
        assert [one.time_limit_s for one in shapes] == [7200, 7200]
        await press(pilot, "y")
        await settle(pilot)
        assert len(calls(actions, "submit")) == 1


# --- pictures -------------------------------------------------------------------------------

SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "120x40", "200x60"])


@SIZES
@pytest.mark.usefixtures("pinned")
def test_edit_form(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await to_job(pilot, 9210)
        await press(pilot, "e")
        await fill(pilot, "memory_bytes", "x2")
        await fill(pilot, "gpus", "a100:2")

    assert snap_compare(app_with()[0], terminal_size=size, run_before=run)


@pytest.mark.usefixtures("pinned")
def test_edit_form_of_many(snap_compare: Compare) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await press(pilot, "f", "A", "e")

    assert snap_compare(app_with()[0], terminal_size=MIDDLE, run_before=run)


@pytest.mark.usefixtures("pinned")
def test_review_of_a_running_job(snap_compare: Compare) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await to_job(pilot, 9112)
        await press(pilot, "e")
        await fill(pilot, "memory_bytes", "x2")
        await fill(pilot, "time_limit_s", "-10%")
        await press(pilot, "enter")

    assert snap_compare(app_with()[0], terminal_size=SMALL, run_before=run)


@pytest.mark.usefixtures("pinned")
def test_choice_of_scripts(snap_compare: Compare) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await press(pilot, "n")

    assert snap_compare(app_with()[0], terminal_size=SMALL, run_before=run)


@SIZES
@pytest.mark.usefixtures("pinned")
def test_submit_form(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await submitting(pilot)
        await fill(pilot, "memory_bytes", "+50%")
        await pilot.pause(1.0)
        await settle(pilot)

    assert snap_compare(app_with()[0], terminal_size=size, run_before=run)


@SIZES
@pytest.mark.usefixtures("pinned")
def test_submit_review(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await submitting(pilot)
        await fill(pilot, "memory_bytes", "+50%")
        await press(pilot, "enter")
        await settle(pilot)

    assert snap_compare(app_with()[0], terminal_size=size, run_before=run)


@SIZES
@pytest.mark.usefixtures("pinned")
def test_resubmission(snap_compare: Compare, size: tuple[int, int]) -> None:
    app, actions = app_with()
    actions.answers["plan_resubmit"] = plan_of("9150_[1-999:2]", count=500)

    async def run(pilot: Pilot[None]) -> None:
        await to_job(pilot, failed_job())
        await press(pilot, "r")
        await pilot.pause(0.1)
        await settle(pilot)

    assert snap_compare(app, terminal_size=size, run_before=run)


@pytest.mark.usefixtures("pinned")
def test_resubmission_of_a_heterogeneous_job(snap_compare: Compare) -> None:
    app, actions = app_with()
    actions.answers["plan_resubmit"] = plan_of_het()

    async def run(pilot: Pilot[None]) -> None:
        await to_job(pilot, 9601)
        await press(pilot, "r")
        await pilot.pause(0.1)
        await settle(pilot)

    assert snap_compare(app, terminal_size=SMALL, run_before=run)


@pytest.mark.usefixtures("pinned")
def test_cancel_of_a_running_job(snap_compare: Compare) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await to_job(pilot, 9112)
        await press(pilot, "x")

    assert snap_compare(app_with()[0], terminal_size=SMALL, run_before=run)
