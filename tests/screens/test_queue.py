"""What keys do to the list, as a person sees it."""

from __future__ import annotations

import pytest
from driving import Clock, lines_of, make_app, press, queue_of, settle, table_of, type_text
from jobshape.app.board.history_state import HistoryState
from jobshape.app.domain.errors import Refused
from jobshape.screens.room import BoardChanged
from jobshape.widgets.detail_pane import DetailPane
from recorded import LIVE, NOW, RecordedActions, job, jobs, recorded_board
from textual.pilot import Pilot


async def board_changed(pilot: Pilot[None]) -> None:
    """Tell the screen, as the collector's client does."""
    screen = queue_of(pilot)
    screen.post_message(BoardChanged(screen.board.revision))
    await pilot.pause()
    await settle(pilot)


async def test_cursor_stays_on_its_job_while_rows_come_and_go() -> None:
    board = recorded_board()
    app = make_app(board)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, *"jjjjj")
        table = table_of(pilot)
        key = table.cursor_key
        assert table.cursor_index == 5
        newer = [job(9900 + n, "PENDING", submit_time=NOW - n) for n in range(3)]
        board.change_jobs(newer)
        await board_changed(pilot)
        assert (table.cursor_key, table.cursor_index) == (key, 8)
        board.change_jobs((), [9900, 9901])
        await board_changed(pilot)
        assert (table.cursor_key, table.cursor_index) == (key, 6)


async def test_cursor_stays_in_place_when_its_job_goes() -> None:
    board = recorded_board()
    async with make_app(board).run_test(size=(120, 40)) as pilot:
        await press(pilot, *"jjj")
        table = table_of(pilot)
        following = table._view.key(4)
        assert isinstance(table.cursor_key, int)
        board.change_jobs((), [table.cursor_key])
        await board_changed(pilot)
        assert (table.cursor_index, table.cursor_key) == (3, following)


async def test_cursor_waits_at_the_top_until_somebody_moves_it() -> None:
    board = recorded_board()
    async with make_app(board).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        board.change_jobs([job(9900, "PENDING", submit_time=NOW)])
        await board_changed(pilot)
        assert (table_of(pilot).cursor_index, table_of(pilot).cursor_key) == (0, 9900)


async def test_row_in_sight_keeps_its_height_on_the_screen() -> None:
    many = [job(20_000 + n, "PENDING", submit_time=NOW - 100 - n) for n in range(300)]
    board = recorded_board(records=many)
    async with make_app(board).run_test(size=(100, 30)) as pilot:
        await press(pilot, "pagedown", "pagedown", "k", "k")
        table = table_of(pilot)
        line = table.cursor_index - table.top
        board.change_jobs([job(30_000 + n, "PENDING", submit_time=NOW) for n in range(7)])
        await board_changed(pilot)
        assert table.cursor_index - table.top == line
        assert str(table.cursor_key) in lines_of(pilot)[table.region.y + 1 + line]


async def test_cursor_stays_on_its_job_also_when_the_last_key_scrolled() -> None:
    many = [job(20_000 + n, "PENDING", submit_time=NOW - 100 - n) for n in range(300)]
    board = recorded_board(records=many)
    async with make_app(board).run_test(size=(100, 20)) as pilot:
        await press(pilot, *["j"] * 30)
        table = table_of(pilot)
        assert table.top > 0
        key, line = table.cursor_key, table.cursor_index - table.top
        board.change_jobs([job(30_000 + n, "PENDING", submit_time=NOW) for n in range(7)])
        await board_changed(pilot)
        assert (table.cursor_key, table.cursor_index - table.top) == (key, line)


async def test_array_folds_unfolds_and_the_cursor_goes_to_its_head() -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        await press(pilot, "slash")
        await type_text(pilot, "sweep-lr")
        screen = await press(pilot, "enter")
        assert len(screen.view) == 1
        await press(pilot, "l")
        assert len(screen.view) == 25
        await press(pilot, "j", "j", "j", "h")
        assert table_of(pilot).cursor_index == 0
        await press(pilot, "h")
        assert len(screen.view) == 1
        assert "2F 6R 9PD 7CD" in "\n".join(lines_of(pilot))


async def test_filter_narrows_as_it_is_typed_and_escape_takes_it_back() -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await press(pilot, "slash")
        every = screen.view.shown
        await type_text(pilot, "stage:training state:R")
        assert 0 < screen.view.shown < every
        await press(pilot, "escape")
        assert screen.view.shown == every
        assert screen.focused is table_of(pilot)


async def test_filter_error_stands_under_its_place() -> None:
    async with make_app().run_test(size=(100, 30)) as pilot:
        await press(pilot, "slash")
        await type_text(pilot, "state:R mem>lots ")
        typed, said = lines_of(pilot)[-2:]
        assert said.index("^") == typed.index("mem>lots")
        assert "lots" in said


async def test_completion_is_taken_with_tab() -> None:
    async with make_app().run_test(size=(100, 30)) as pilot:
        screen = await press(pilot, "slash")
        await type_text(pilot, "stag")
        await press(pilot, "tab")
        assert screen.filter_bar.text == "stage:"


async def test_range_selection_grows_and_shrinks() -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await press(pilot, "j", "shift+down", "shift+down")
        assert len(screen.view.selection) == 3
        await press(pilot, "shift+up")
        assert len(screen.view.selection) == 2
        await press(pilot, "escape")
        assert not screen.view.selection


async def test_space_selects_and_goes_on() -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await press(pilot, "space", "space")
        assert len(screen.view.selection) == 2
        assert table_of(pilot).cursor_index == 2


async def test_sort_by_click_on_a_title_and_again() -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await press(pilot)
        table = table_of(pilot)
        place = next(p for p in table.table_layout.places if p.column.key == "memory")
        await pilot.click("#table", offset=(place.x + 2, 0))
        await settle(pilot)
        assert (screen.view.sort_key, screen.view.descending) == ("memory", True)
        await pilot.click("#table", offset=(place.x + 2, 0))
        await settle(pilot)
        assert (screen.view.sort_key, screen.view.descending) == ("memory", False)


async def test_click_moves_and_double_click_opens() -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await press(pilot)
        await pilot.click("#table", offset=(20, 4))
        await settle(pilot)
        assert table_of(pilot).cursor_index == 3
        await pilot.click("#table", offset=(20, 4), times=2)
        await settle(pilot)
        assert screen.detail.is_open


async def test_elapsed_goes_on_with_the_clock() -> None:
    clock = Clock()
    async with make_app(clock=clock).run_test(size=(120, 40)) as pilot:
        screen = await press(pilot)
        assert any("1h21" in line for line in lines_of(pilot))
        clock.now += 60
        screen._second()
        await settle(pilot)
        assert any("1h22" in line for line in lines_of(pilot))


async def test_cancel_asks_counts_and_only_y_does_it() -> None:
    actions = RecordedActions()
    async with make_app(actions=actions).run_test(size=(120, 40)) as pilot:
        await press(pilot, "slash")
        await type_text(pilot, "sweep-lr")
        await press(pilot, "enter", "x")
        text = "\n".join(lines_of(pilot))
        assert "Cancel 1 job (15 tasks)?" in text
        assert "left out: 9 jobs, already finished" in text
        await press(pilot, "enter", "n")
        assert not [one for one in actions.asked if one[0] == "cancel"]
        await press(pilot, "x", "y")
        asked = [arguments for name, arguments in actions.asked if name == "cancel"]
        assert asked == [{"job": "9400"}]


async def test_refusals_are_told_job_by_job() -> None:
    actions = RecordedActions()
    actions.refused["9107"] = Refused("Access/permission denied")
    actions.refused["9112"] = Refused("Job is in the middle of something")
    async with make_app(actions=actions).run_test(size=(120, 40)) as pilot:
        await press(pilot, "j", "space", "space", "space", "x", "y")
        await pilot.pause()
        text = "\n".join(lines_of(pilot))
        assert "Access/permission denied" in text
        assert "Job is in the middle of something" in text
        assert "cancelled 1 job" in text


async def test_jobs_of_others_are_touched_only_by_themselves_and_when_asked() -> None:
    board = recorded_board(records=[job(1, "PENDING", user="bob")])
    actions = RecordedActions()
    async with make_app(board, actions=actions).run_test(size=(120, 40)) as pilot:
        await press(pilot, "a", "a", "x", "n")
        assert not [one for one in actions.asked if one[0] == "cancel"]


async def test_while_it_is_not_known_who_one_is_everybodys_jobs_are_touched_only_after_asking() -> (
    None
):
    early = LIVE._replace(user="", scope="all")
    board = recorded_board(early, records=[job(1, "PENDING", user="bob")])
    actions = RecordedActions()
    async with make_app(board, actions=actions).run_test(size=(120, 40)) as pilot:
        await press(pilot, "H")
        assert "Hold 1 job?" in "\n".join(lines_of(pilot))
        assert not [one for one in actions.asked if one[0] == "hold"]


async def test_read_only_session_changes_nothing() -> None:
    actions = RecordedActions()
    async with make_app(actions=actions, read_only=True).run_test(size=(120, 40)) as pilot:
        await press(pilot, "x", "y", "H", "R", "u")
        assert {name for name, _ in actions.asked} <= {"refresh", "detail"}
        assert "read-only" in "\n".join(lines_of(pilot))


async def test_detail_follows_the_cursor_and_asks_once_for_each_job() -> None:
    actions = RecordedActions()
    async with make_app(actions=actions).run_test(size=(160, 40)) as pilot:
        await press(pilot, "j", "j", "enter", "j", "k")
        asked = [arguments["job"] for name, arguments in actions.asked if name == "detail"]
        assert asked == ["9112", "9113"]
        assert actions.attention[-1] == (True, ("9112",))
        screen = await press(pilot, "escape")
        assert not screen.detail.is_open
        assert actions.attention[-1] == (True, ())


async def test_detail_without_an_answer_shows_what_the_board_knows() -> None:
    actions = RecordedActions()
    actions.refused["9112"] = Refused("Invalid job id specified")
    async with make_app(actions=actions).run_test(size=(160, 40)) as pilot:
        await press(pilot, "j", "j", "enter")
        text = "\n".join(lines_of(pilot))
        assert "Invalid job id specified" in text
        assert "Last reading" in text


async def test_detail_says_what_the_gpus_do_and_who_says_so_or_why_nobody_does() -> None:
    app = make_app()
    async with app.run_test(size=(160, 40)) as pilot:
        screen = await press(pilot, "j", "j", "enter")
        pane, plain = screen.query_one(DetailPane), screen.board.usage[9112]
        why = "no GPU figures: \x1b[31mg1: [b]nvidia-smi is not on PATH. To get them: ask"
        for usage, shown in (
            (plain._replace(gpu_percent=75.4, gpu_memory_bytes=3 << 30, gpu_source="dcgm",
                            gpu_memory_total_bytes=160 << 30), ("75 % of 1 (dcgm)", "3G of 160G")),
            (plain._replace(gpu_memory_bytes=5 << 30, gpu_source="slurm"), ("GPU memory", "5G")),
            (plain._replace(gpu_note=why), ("no GPU figures: ", "[b]nvidia-smi is not on PATH")),
        ):  # fmt: skip
            screen.board.set_usage([usage])
            drawn = "\n".join("".join(text for text, _ in line) for line in pane.build(120))
            assert all(part in drawn for part in shown), drawn
            assert "\x1b" not in drawn


async def test_columns_are_chosen_moved_and_kept() -> None:
    kept: list[tuple[str, ...]] = []
    app = make_app()
    app._keep = lambda one: kept.append(one.columns)  # type: ignore[method-assign]
    async with app.run_test(size=(160, 40)) as pilot:
        screen = await press(pilot, "c", "j", "j", "J", "space", "enter")
        assert kept[-1][:4] == ("id", "state", "name", "stage")
        assert "time" not in kept[-1]
        shown = [place.column.key for place in screen.table.table_layout.places]
        assert shown[:3] == ["id", "state", "name"]


async def test_scope_asks_for_other_jobs_and_shows_whose_they_are() -> None:
    actions = RecordedActions()
    async with make_app(actions=actions).run_test(size=(160, 40)) as pilot:
        screen = await press(pilot, "a", "a")
        scopes = [arguments["scope"] for name, arguments in actions.asked if name == "set_scope"]
        assert scopes == ["accounts", "all"]
        assert "user" in [place.column.key for place in screen.table.table_layout.places]


async def test_blocked_key_says_why() -> None:
    board = recorded_board(records=[])
    async with make_app(board).run_test(size=(120, 40)) as pilot:
        await press(pilot, "x")
        assert "there is no job in the list" in "\n".join(lines_of(pilot))


async def test_every_command_of_the_palette_runs() -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await press(pilot)
        for command in screen.commands.values():
            if command.name not in ("quit", "command_palette"):
                screen.action_run(command.identity)
                await settle(pilot)
                while len(pilot.app.screen_stack) > 1:
                    await pilot.press("escape")
                    await settle(pilot)
                if screen.filter_bar.has_focus:
                    await press(pilot, "escape")


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40), (160, 48), (200, 60), (60, 15)])
async def test_rows_are_aligned_and_never_too_wide(size: tuple[int, int]) -> None:
    async with make_app().run_test(size=size) as pilot:
        await press(pilot, "Z")
        table = table_of(pilot)
        starts = [place.x for place in table.table_layout.places]
        ends = [place.x + place.width for place in table.table_layout.places]
        assert ends[-1] <= size[0] - 1
        for line in range(1, table.size.height):
            strip = table.render_line(line)
            assert strip.cell_length == size[0] - table.show_vertical_scrollbar
            text = strip.crop(0, size[0]).text
            if not text.isascii():
                continue  # cells are not characters there
            for start, end in zip(starts[1:], ends, strict=False):
                assert text[end:start].strip() == "", (line, text)


async def test_nothing_of_a_job_is_obeyed() -> None:
    nasty = "\x1b[2J[bold]x[/]\r\n\x07\u202e\x9b31m"
    board = recorded_board(records=[job(1, "PENDING", name=nasty, comment=nasty, user="alice")])
    async with make_app(board).run_test(size=(160, 40)) as pilot:
        await press(pilot, "enter")
        text = "\n".join(lines_of(pilot))
        assert "[bold]x[/]" in text
        assert not set(text) & set("\x1b\r\x07\u202e\x9b")


def test_recorded_board_has_every_kind() -> None:
    states = {one.state for one in jobs()}
    assert len(states) >= 12


async def test_keys_typed_ahead_go_where_they_were_meant() -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await press(pilot)
        await pilot.press("slash", *"sweep", "enter", "S")
        await settle(pilot)
        assert screen.view.query.text == "sweep"
        assert not screen.view.descending
        assert len(pilot.app.screen_stack) == 1


async def test_a_mistake_beside_the_screen_is_told_and_the_screen_goes_on() -> None:
    actions = RecordedActions()
    actions.refused["9112"] = RuntimeError("out of paper")
    async with make_app(actions=actions).run_test(size=(120, 40)) as pilot:
        screen = await press(pilot, "j", "j")
        await pilot.press("x")
        await settle(pilot)
        await pilot.press("y")
        while "out of paper" not in "\n".join(lines_of(pilot)):
            await pilot.pause(0.01)
        await press(pilot, "j")
        assert table_of(pilot).cursor_index == 3
        assert screen.is_running


async def test_records_not_understood_are_counted() -> None:
    board = recorded_board(LIVE._replace(unread=3))
    async with make_app(board).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "3 records not understood" in lines_of(pilot)[-2]


async def test_on_this_machine_nobody_speaks_of_slurm() -> None:
    board = recorded_board()
    board.set_link(LIVE._replace(backend="local", cluster="local", source="queue.db"))
    async with make_app(board).run_test(size=(160, 40)) as pilot:
        await settle(pilot)
        status = lines_of(pilot)[-2]
        assert "this machine" in status and "slurmctld" not in status
        await press(pilot, "f5")
        assert "asking the scheduler" in "\n".join(lines_of(pilot))


async def test_the_first_filling_of_the_history_shows_how_far_it_is() -> None:
    board = recorded_board()
    async with make_app(board).run_test(size=(120, 40)) as pilot:
        screen = await press(pilot)
        assert "reading earlier jobs" not in "\n".join(lines_of(pilot))
        board.set_history(HistoryState("history.db", "alpha", slices_done=7, slices_total=14))
        screen._second()
        await settle(pilot)
        assert "reading earlier jobs ━━━━━─────" in "\n".join(lines_of(pilot))
