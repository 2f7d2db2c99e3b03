"""Editing, submitting and resubmitting by keys, on a recorded board."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from acting_ports import PATH, FakeFiles, FakePreflight
from driving import lines_of, make_app, press, queue_of, settle, type_text
from jobshape.app.domain.cost import Prices
from jobshape.app.domain.errors import NotSent, Refused, Unreachable
from jobshape.app.domain.request import EarliestStart, SubmitRequest
from jobshape.app.domain.resubmission import Correction, LeftOut, Resubmission, ResubmissionPlan
from jobshape.app.domain.shape import JobShape
from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.shape import shape_of
from jobshape.app.tui import JobshapeApp
from jobshape.screens.confirm import ConfirmScreen, RefusedScreen
from jobshape.screens.edit import EditScreen
from jobshape.screens.resubmit_review import ResubmitScreen
from jobshape.screens.submit import SubmitScreen
from jobshape.screens.unsent import UnsentScreen
from jobshape.widgets.entry_form import EntryForm
from recorded import NOW, RecordedActions, recorded_board
from textual.pilot import Pilot

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
GIB = 1 << 30

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def known_causes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks into failures here, so nobody is waited for; nor for one who still types."""
    monkeypatch.setattr("jobshape.screens.resubmit.LOOK_S", 0.0)
    monkeypatch.setattr("jobshape.screens.edit.ASK_AFTER_S", 0.02)


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
        assert queue_of(pilot).context.preflight.replaced == [{9112}]


async def submitting(pilot: Pilot[None]) -> None:
    """The form of the one script there is."""
    await press(pilot, "n")
    await pilot.press(*("slash" if char == "/" else char for char in PATH))
    await press(pilot, "enter")
    await opened(pilot, SubmitScreen)
    await heard(pilot)


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


class SlowLog(RecordedActions):
    """The log comes when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.may_read = asyncio.Event()

    async def call(self, method: str, **arguments: Any) -> Any:
        """A log waits; all else is as ever."""
        if method == "read_log":
            await self.may_read.wait()
        return await super().call(method, **arguments)


async def test_of_many_refusals_as_many_are_told_as_there_is_room_for() -> None:
    app = make_app()
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        refusals = [(str(number), "Access/permission denied " * 4) for number in range(40)]
        app.push_screen(
            RefusedScreen("Slurm refused 40 jobs", "", refusals, queue_of(pilot).glyphs)
        )
        await pilot.pause()
        said = lines_of(pilot)
        assert sum("denied" in line for line in said) > 8
        assert any("Esc back" in line for line in said)
        assert any(line.strip(" │…").startswith("and 3") for line in said)


async def test_a_running_job_is_not_cancelled_unread() -> None:
    actions = SlowLog()
    app = make_app(actions=actions)
    async with app.run_test(size=SMALL) as pilot:
        await to_job(pilot, 9112)
        await pilot.press("x")
        await pilot.pause()
        await pilot.press("y", "enter", "y")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen)
        assert not calls(actions, "cancel")
        actions.may_read.set()
        await settle(pilot)
        assert any("checkpoint written" in line for line in lines_of(pilot))
        await press(pilot, "enter")
        assert not calls(actions, "cancel")
        await press(pilot, "y")
        assert [one["job"] for one in calls(actions, "cancel")] == ["9112"]


async def unanswered(pilot: Pilot[None], actions: RecordedActions, error: Exception) -> None:
    """Submit to a site that gives no answer."""
    actions.refused[""] = error
    await submitting(pilot)
    await press(pilot, "enter", "y")
    await settle(pilot)
    await pilot.pause()


async def test_what_could_not_be_sent_is_kept_and_told_until_it_is_read() -> None:
    app, actions = app_with(blocked=False)
    error = NotSent("Unable to contact slurm controller (connect failure)")
    async with app.run_test(size=SMALL) as pilot:
        await unanswered(pilot, actions, error)
        assert isinstance(app.screen, UnsentScreen)
        said = lines_of(pilot)
        assert any("sbatch /state/unsent/a.sh" in line for line in said)
        assert any("Unable to contact slurm controller" in line for line in said)
        assert not any("may have been sent" in line for line in said)
        await press(pilot, "y")
        assert app.clipboard == "sbatch /state/unsent/a.sh"
        await press(pilot, "escape")
        assert len(app.screen_stack) == 1


async def test_what_may_have_been_sent_says_so() -> None:
    app, actions = app_with(blocked=False)
    async with app.run_test(size=SMALL) as pilot:
        await unanswered(pilot, actions, Unreachable("no answer in 60 s"))
        assert any("may have been sent all the same" in line for line in lines_of(pilot))


async def test_nothing_more_is_sent_once_no_answer_came() -> None:
    app, actions = app_with(blocked=False)
    one = plan_of("9150").resubmissions[0]
    actions.answers["plan_resubmit"] = ResubmissionPlan((one, one, one), ())
    async with app.run_test(size=MIDDLE) as pilot:
        await to_job(pilot, failed_job())
        await pilot.press("r")
        await opened(pilot, ResubmitScreen)
        actions.refused[""] = Unreachable("no answer in 60 s")
        await press(pilot, "y")
        await opened(pilot, UnsentScreen)
        assert len(calls(actions, "submit")) == 1
        assert any("2 not sent" in line for line in lines_of(pilot))


async def heard(pilot: Pilot[None]) -> None:
    """Wait until the form has the pre-flight's lines for what it says now."""
    screen = pilot.app.screen
    assert isinstance(screen, SubmitScreen)
    for _ in range(1000):
        if screen.is_settled and screen.has_checks:
            return
        await pilot.pause(0.005)
    raise AssertionError("the pre-flight was never heard")


async def start_heard(pilot: Pilot[None]) -> None:
    """Wait until the form says when a job of its shape would start."""
    screen = pilot.app.screen
    assert isinstance(screen, EditScreen)
    for _ in range(1000):
        if screen.has_start:
            await settle(pilot)
            return
        await pilot.pause(0.005)
    raise AssertionError("no start was heard")


async def opened(pilot: Pilot[None], screen: type) -> None:
    """Wait until this dialog is there."""
    for _ in range(1000):
        if isinstance(pilot.app.screen, screen):
            await settle(pilot)
            return
        await pilot.pause(0.005)
    raise AssertionError(f"no {screen.__name__} came")


async def test_a_refused_script_stays_in_its_form() -> None:
    app, actions = app_with(blocked=False)
    actions.refused[""] = Refused("Invalid account or account/partition combination specified")
    async with app.run_test(size=MIDDLE) as pilot:
        await submitting(pilot)
        await press(pilot, "enter", "y")
        await settle(pilot)
        assert isinstance(app.screen, SubmitScreen)
        assert any("refused: Invalid account" in line for line in lines_of(pilot))


LONG = "Invalid account or account/partition combination specified for the user on this cluster"


@pytest.mark.parametrize("key", ["e", "n"])
async def test_all_of_a_refusal_is_told_in_the_form(key: str) -> None:
    app, actions = app_with(blocked=False)
    actions.refused |= {"9210": Refused(LONG), "": Refused(LONG)}
    async with app.run_test(size=SMALL) as pilot:
        if key == "n":
            await submitting(pilot)
        else:
            await to_job(pilot, 9210)
            await press(pilot, "e")
            await fill(pilot, "account", "nobody")
        await press(pilot, "enter", "y")
        await settle(pilot)
        said = " ".join(line.strip(" │") for line in lines_of(pilot))
        assert LONG in said
        assert "Enter" in said and "Esc leave" in said


async def test_beside_a_field_nothing_is_cut() -> None:
    app, _ = app_with()
    async with app.run_test(size=SMALL) as pilot:
        await to_job(pilot, 9210)
        await press(pilot, "e")
        for text, note in [
            ("", "at most 256G, largest node"), ("x2", "was 16G, now 32G  at most 256G"),
            ("123456M", "was 16G  at most 256G, largest node"), ("900G", "over 256G, largest node"),
        ]:  # fmt: skip
            await fill(pilot, "memory_bytes", text or "16G")
            (line,) = [line for line in lines_of(pilot) if "Memory a node" in line]
            assert note in line and "…" not in line
        await fill(pilot, "time_limit_s", "12:34:56")
        (line,) = [line for line in lines_of(pilot) if "Walltime" in line]
        assert "was 04:00:00" in line and "…" not in line


async def test_all_of_a_long_line_is_seen_before_it_is_sent() -> None:
    files = FakeFiles()
    files.text += f"python train.py {' '.join(f'--option{number}=1' for number in range(9))} # end"
    app, _ = app_with(files=files)
    async with app.run_test(size=SMALL) as pilot:
        await submitting(pilot)
        await press(pilot, "enter", "G")
        assert any("# end" in line for line in lines_of(pilot))


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
        await start_heard(pilot)

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
        await start_heard(pilot)
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
        await heard(pilot)

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
def test_edit_form_of_a_running_job(snap_compare: Compare) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await to_job(pilot, 9112)
        await press(pilot, "e")
        await fill(pilot, "time_limit_s", "x2")
        await start_heard(pilot)

    assert snap_compare(app_with()[0], terminal_size=SMALL, run_before=run)


@pytest.mark.usefixtures("pinned")
def test_review_of_many(snap_compare: Compare) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await press(pilot, "f", "A", "e")
        await fill(pilot, "time_limit_s", "8:00:00")
        await start_heard(pilot)
        await press(pilot, "enter")

    assert snap_compare(app_with()[0], terminal_size=MIDDLE, run_before=run)


@pytest.mark.usefixtures("pinned")
def test_refusals_of_many(snap_compare: Compare) -> None:
    app, actions = app_with()
    words = (
        "Requested node configuration is not available; ask for less memory or another partition"
    )
    actions.refused |= {"9112": Refused(words), "9210": Refused("Job violates accounting policy")}

    async def run(pilot: Pilot[None]) -> None:
        await press(pilot, "f", "A", "e")
        await fill(pilot, "time_limit_s", "30")
        await press(pilot, "enter", "y")
        await opened(pilot, RefusedScreen)

    assert snap_compare(app, terminal_size=SMALL, run_before=run)


@pytest.mark.usefixtures("pinned")
def test_form_of_a_template(snap_compare: Compare) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await press(pilot, "n")
        await type_text(pilot, "eval")
        await press(pilot, "enter", "enter")

    assert snap_compare(app_with()[0], terminal_size=SMALL, run_before=run)


@pytest.mark.usefixtures("pinned")
def test_lifting_a_block(snap_compare: Compare) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await submitting(pilot)
        await press(pilot, "enter", "l")
        await type_text(pilot, "it ran in round 1")

    assert snap_compare(app_with()[0], terminal_size=SMALL, run_before=run)


@pytest.mark.usefixtures("pinned")
def test_what_could_not_be_sent(snap_compare: Compare) -> None:
    app, actions = app_with(blocked=False)

    async def run(pilot: Pilot[None]) -> None:
        await unanswered(pilot, actions, Unreachable("no answer from slurmctld in 60 s"))

    assert snap_compare(app, terminal_size=SMALL, run_before=run)


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
