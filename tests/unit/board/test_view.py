"""The list as a person meets it: order, folds, groups, selection, and why it is empty."""

from collections.abc import Sequence

import pytest
from jobshape.app.board import view as view_module
from jobshape.app.board.arrays import Counts
from jobshape.app.board.board import Board
from jobshape.app.board.link import Feature, Link
from jobshape.app.board.query import compile_query
from jobshape.app.board.sieve import Sieve
from jobshape.app.board.view import QueueView, RowKind
from jobshape.app.domain.finding import UNKNOWN, Finding
from jobshape.app.domain.job import DEFAULT_STAGES, Job

from .jobs import NOW, job


def task(array: int, number: int, state: str = "RUNNING", **fields: object) -> Job:
    return job(array + number, state, array_job_id=array, array_task_id=number, **fields)


ARRAY = [
    job(100, array_job_id=100, array_tasks="3-12%2", name="sweep"),
    task(100, 1, name="sweep"), task(100, 2, "COMPLETED", name="sweep"),
]  # fmt: skip


def view_of(listed: Sequence[Job], /, **link: object) -> QueueView:
    board = Board(Link(**link))  # type: ignore[arg-type]
    board.change_jobs(listed)
    view = QueueView(board)
    view.set_sort("id")
    view.refresh_now(NOW)
    return view


def keys(view: QueueView) -> list[int | str]:
    return [view.key(index) for index in range(len(view))]


def changed(view: QueueView, *jobs: Job, gone: Sequence[int] = ()) -> QueueView:
    view.board.change_jobs(jobs, gone)
    view.refresh_now(NOW)
    return view


def test_an_array_is_one_row_that_unfolds() -> None:
    view = view_of([*ARRAY, job(5), job(900)])
    assert keys(view) == [5, "array 100", 900]
    row = view.row(1)
    assert (row.kind, row.title, row.members, row.folded) == (RowKind.ARRAY, "100_[...]", 3, True)
    assert row.counts == Counts(waiting=10, running=1, done=1)
    assert row.job.job_id == 101
    assert view.toggle_fold("array 100")
    assert keys(view) == [5, "array 100", 101, 102, 100, 900]
    assert [view.row(index).depth for index in range(6)] == [0, 0, 1, 1, 1, 0]
    assert view.row(4).counts == Counts(waiting=10)
    assert view.toggle_fold(102)  # from inside
    assert keys(view) == [5, "array 100", 900]
    assert not view.toggle_fold(5) and not view.toggle_fold("array 7")
    assert view.index_of(102) == view.index_of("array 100") == 1


def test_counts_are_of_the_whole_array_members_of_what_is_shown() -> None:
    view = view_of(ARRAY)
    view.set_finished(False)
    view.refresh_now(NOW)
    row = view.row(0)
    assert (row.members, row.counts.done) == (2, 1)


def test_an_array_of_one_record_is_that_record() -> None:
    view = view_of(ARRAY[:1])
    assert keys(view) == [100]
    assert view.row(0).counts == Counts(waiting=10)
    assert view.row(0).title == "100_[3-12%2]"
    changed(view, *ARRAY[1:])
    assert keys(view) == ["array 100"]
    assert view.index_of(100) == 0
    changed(view, gone=[101, 102])
    assert keys(view) == [100]
    assert view.index_of("array 100") == 0


def test_het_jobs_fold_too() -> None:
    parts = [job(9 + offset, "RUNNING", het_job_id=9, het_offset=offset) for offset in range(3)]
    view = view_of(parts)
    assert (view.row(0).kind, view.row(0).title, len(view)) == (RowKind.HET, "9+[...]", 1)
    view.unfold_all()
    assert keys(view) == ["het 9", 9, 10, 11]
    view.fold_all()
    assert keys(view) == ["het 9"]


def test_groups() -> None:
    view = view_of([job(1, stage="training"), job(2), job(3, stage="preprocessing"),
                    job(4, stage="zoo"),
                    *(one._replace(stage="eval") for one in ARRAY)])  # fmt: skip
    view.set_group("stage")
    view.refresh_now(NOW)
    assert keys(view) == [
        "group preprocessing", 3, "group training", 1, "group eval", "array 100 in eval",
        "group zoo", 4, "group unassigned", 2,
    ]  # fmt: skip
    view.set_stages(("zoo", "eval"))
    view.refresh_now(NOW)
    assert [key for key in keys(view) if str(key).startswith("group")] == [
        "group zoo", "group eval", "group preprocessing", "group training", "group unassigned",
    ]  # fmt: skip
    view.set_stages(DEFAULT_STAGES)
    view.refresh_now(NOW)
    heading = view.row(4)
    assert (heading.title, heading.members, heading.counts.waiting) == ("eval", 3, 10)
    view.toggle_fold("group eval")
    assert view.row(4).folded and "array 100 in eval" not in keys(view)
    assert view.index_of("array 100 in eval") == view.index_of(101) == 4
    view.set_group("array")
    view.refresh_now(NOW)
    assert keys(view)[:4] == ["group 100", 101, 102, 100]
    assert (view.row(0).title, view.row(4).title) == ("100 sweep", "no array")
    view.set_group("state")
    view.refresh_now(NOW)
    assert [view.row(i).title for i in range(len(view)) if view.row(i).kind is RowKind.GROUP] == [
        "running", "waiting", "done",
    ]  # fmt: skip


def test_missing_values_come_last_either_way() -> None:
    view = view_of([job(1, priority=5), job(2), job(3, priority=9), job(4)])
    for descending, order in ((False, [1, 3, 2, 4]), (True, [3, 1, 4, 2])):
        view.set_sort("priority", descending=descending)
        view.refresh_now(NOW)
        assert keys(view) == order


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(KeyError):
        view_of([]).set_sort("nonsense")


def test_an_array_stands_where_its_first_drawn_task_would() -> None:
    view = view_of([job(1, priority=5), task(100, 1, priority=1), task(100, 2, priority=9)])
    view.set_sort("priority")
    view.refresh_now(NOW)
    assert keys(view) == ["array 100", 1]
    view.set_sort("priority", descending=True)
    view.refresh_now(NOW)
    assert keys(view) == ["array 100", 1]
    assert view.row(0).job.job_id == 102
    changed(view, task(100, 2, priority=2))
    assert keys(view) == [1, "array 100"]


def test_until_the_last_step_the_old_rows_stand() -> None:
    view = view_of([job(1), job(2, name="b")])
    view.set_query(compile_query("b"))
    steps = view.refresh_steps(NOW)
    next(steps)
    view.board.change_jobs([job(3, name="b")], gone=[2])
    assert keys(view) == [1, 2]
    assert view.row(1).job.name == "b"  # gone from the board, still drawn
    for _ in steps:
        pass
    assert keys(view) == [2]
    assert view.needs_refresh(NOW)
    view.refresh_now(NOW)
    assert keys(view) == [3]
    assert not view.needs_refresh(NOW)


def test_a_newer_refresh_ends_an_older_one_and_loses_nothing() -> None:
    view = view_of([job(1), job(2)])
    view.board.change_jobs([job(3)])
    old = view.refresh_steps(NOW)
    next(old)
    view.board.change_jobs([], gone=[1])
    view.refresh_now(NOW)
    assert list(old) == []
    assert keys(view) == [2, 3]


def test_a_task_that_leaves_amid_a_refresh_leaves_no_ghost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "NEW_SHARE", 0)
    view = view_of([task(100, 1), job(5)])
    view.board.change_jobs([task(100, 2), task(100, 3)])
    steps = view.refresh_steps(NOW)
    next(steps)
    view.board.change_jobs([], gone=[101])
    for _ in steps:
        pass
    assert keys(view) == [5, "array 100"]
    view.refresh_now(NOW)
    assert keys(view) == [5, "array 100"]
    assert [one.job_id for one in view.jobs_of(["array 100"])] == [102, 103]


def test_time_alone_brings_jobs_into_a_filter() -> None:
    view = view_of([job(1, submit_time=int(NOW) - 100)])
    view.set_query(compile_query("age>2m"))
    view.refresh_now(NOW)
    assert keys(view) == [] and not view.needs_refresh(NOW + 1)
    assert view.needs_refresh(NOW + 30)
    view.refresh_now(NOW + 30)
    assert keys(view) == [1]


def test_dead_jobs_are_not_kept_alive() -> None:
    view = view_of([job(number, name=f"n{number}") for number in range(100)])
    view.set_query(compile_query("n"))
    view.refresh_now(NOW)
    changed(view, gone=range(100))
    assert not view._watch.before and not view._pending and not view._texts._texts
    assert not view._arranged.base


def test_selection() -> None:
    view = view_of([job(1), *ARRAY, job(900), job(901)])
    view.toggle_selected("array 100")
    view.select_range(901, 900)
    assert [one.job_id for one in view.selected_jobs(1)] == [100, 101, 102, 900, 901]
    view.unfold_all()
    assert view.is_selected(101) and not view.is_selected(1)
    view.toggle_selected(101)
    assert [one.job_id for one in view.selected_jobs()] == [100, 102, 900, 901]
    changed(view, gone=[900])
    assert [one.job_id for one in view.selected_jobs()] == [100, 102, 901]
    view.clear_selection()
    assert [one.job_id for one in view.selected_jobs("array 100")] == [100, 101, 102]
    assert view.selected_jobs() == []


def test_what_the_filter_hides_is_not_selected() -> None:
    view = view_of([job(1, name="a"), job(2, name="b"), *ARRAY])
    view.select_range(1, "array 100")
    view.set_query(compile_query("-name:b state:pd"))
    view.refresh_now(NOW)
    assert [one.job_id for one in view.selected_jobs()] == [1, 100]


def test_selecting_a_heading_selects_what_stands_under_it() -> None:
    view = view_of([job(1, user="bob"), job(2, user="bob"), job(3, user="al")])
    view.set_group("user")
    view.refresh_now(NOW)
    view.toggle_selected("group bob")
    assert view.selection == {1, 2}
    view.toggle_selected("group bob")
    assert view.selection == set()
    view.select_range(3, 2)
    assert view.selection == {1, 2, 3}


def test_scope_follows_who_i_am() -> None:
    view = view_of([job(1, user="me"), job(2, user="you", account="lab"), job(3, user="you")])
    view.set_scope("mine")
    view.refresh_now(NOW)
    assert keys(view) == [1, 2, 3]  # nobody has said yet who I am
    view.board.set_link(Link(user="me", accounts=("lab",)))
    assert view.needs_refresh(NOW)
    view.refresh_now(NOW)
    assert keys(view) == [1]
    view.set_scope("accounts")
    view.refresh_now(NOW)
    assert keys(view) == [1, 2]


def test_why_it_is_empty() -> None:
    def reason(listed: Sequence[Job] = (), /, query: str = "", scope: str = "all",
               finished: bool = True, **link: object) -> str:  # fmt: skip
        view = view_of(listed, user="me", **link)
        view.set_query(compile_query(query))
        view.set_scope(scope)  # type: ignore[arg-type]
        view.set_finished(finished)
        view.refresh_now(NOW)
        return view.empty_reason()

    done = job(2, "COMPLETED")
    assert reason([job(1)]) == ""
    assert reason() == "No answer yet: waiting for the first one."
    assert reason(phase="failing", message="slurmctld does not answer", hint="Try later.") == (
        "No answer yet: slurmctld does not answer. Try later."
    )
    assert reason(phase="live", jobs=0, scope="mine") == "You have no jobs in the queue."
    assert reason(phase="live", jobs=0, scope="accounts", accounts=("lab", "x")) == (
        "You have no jobs in the queue. Others' jobs were not asked for yet."
    )
    assert reason([job(1), job(3)], "zzz") == "The filter hides all 2 jobs."
    assert reason([job(1), done], "zzz", finished=False) == (
        "The filter hides the only job. Besides, 1 finished job is hidden."
    )
    assert reason([done], finished=False) == "The only job is finished, and hidden."
    assert reason([job(1, user="you")], scope="mine") == (
        "None of the 1 job is yours. Widen the scope to see them."
    )
    private = Feature("private_data", False, "PrivateData=jobs,users")
    view = view_of([])
    view.board.set_link(Link(phase="live", scope="all", jobs=0, features=(private,)))
    assert view.empty_reason() == (
        "No jobs in the queue. This site shows you only your own jobs (PrivateData=jobs,users)."
    )
    view.board.set_link(Link(phase="dead", message="the collector ended", jobs=0))
    assert view.empty_reason().endswith("now: the collector ended.")


def test_no_step_looks_at_many_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps a step short, counted: times depend on what else the machine does."""
    board = Board()
    board.change_jobs([job(n, priority=n * 7919 % 10007, name=f"n{n}") for n in range(1, 10_001)])
    view = QueueView(board)
    view.set_sort("priority")
    looks = 0
    rank, hidden = Sieve.rank, Sieve.hidden

    def count_rank(self: Sieve, one: Job) -> tuple[object, ...]:
        nonlocal looks
        looks += 1
        return rank(self, one)

    def count_hidden(self: Sieve, one: Job, *, fresh: bool) -> object:
        nonlocal looks
        looks += 1
        return hidden(self, one, fresh=fresh)

    monkeypatch.setattr(Sieve, "rank", count_rank)
    monkeypatch.setattr(Sieve, "hidden", count_hidden)

    def most_looks() -> tuple[int, int]:
        nonlocal looks
        most = total = 0
        steps = view.refresh_steps(NOW)
        while True:
            looks = 0
            done = next(steps, "end") == "end"
            most, total = max(most, looks), total + looks
            if done:
                return most, total

    assert most_looks()[0] <= 2000
    view.set_query(compile_query("n1"))
    most, total = most_looks()
    assert most <= 2000 and total == 10_000  # the order is kept: nothing is sorted again
    view.set_query(compile_query(""))
    most_looks()
    board.change_jobs([job(n, priority=1) for n in range(1, 21)])
    most, total = most_looks()
    assert most <= 2000 and total < 2500  # 20 changes cost no look at the other 9,980
    assert len(view) == 10_000


def test_a_failed_job_says_what_happened() -> None:
    view = view_of([job(5, "FAILED"), job(6, "FAILED")])
    finding = Finding("oom_host", 0.9, "HIGH", "out of memory", "", "", "", "no", (), "")
    view.board.set_findings(5, [finding])
    view.board.set_findings(6, [finding._replace(label=UNKNOWN)])
    assert [view.row(at).cause for at in range(2)] == ["out of memory", ""]
    view.board.change_jobs([], [5])
    assert view.board.findings.keys() == {6}
