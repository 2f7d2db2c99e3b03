"""The list kept up by difference is the list made anew, whatever happens in between."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from jobshape.app.board import arrangement, order
from jobshape.app.board import view as view_module
from jobshape.app.board.board import Board
from jobshape.app.board.columns import COLUMNS
from jobshape.app.board.link import Link
from jobshape.app.board.query import compile_query
from jobshape.app.board.view import QueueView, Row, RowKind
from jobshape.app.domain.job import Job

from .jobs import NOW, jobs

QUERIES = ["", "alice", "state:R", "mem>2G", "-train", "age>1h", "array:any -user:bob", "priority"]
SORTS = ["submitted", "id", "name", "memory", "priority", "where", "elapsed", "state", "stage"]


@pytest.fixture(autouse=True, scope="module")
def small_steps() -> Iterator[None]:
    """Steps of a record or two, and never everything anew, so that a small board meets it all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "RUN", 2)
        patch.setattr(order, "SCAN", 3)
        patch.setattr(arrangement, "SCAN", 3)
        patch.setattr(arrangement, "PLACE", 2)
        patch.setattr(view_module, "PLACE", 1)
        patch.setattr(view_module, "NEW_SHARE", 0)
        yield


def rows(view: QueueView) -> list[Row]:
    return [view.row(index) for index in range(len(view))]


class ListMachine(RuleBasedStateMachine):
    """One view lives through everything; at rest it is compared with a newly made one."""

    def __init__(self) -> None:
        super().__init__()
        self.board = Board(Link(user="alice", accounts=("lab",), scope="all"))
        self.view = QueueView(self.board)
        self.steps: Iterator[None] | None = None
        self.now = NOW

    @rule(changed=st.lists(st.integers(1, 12).flatmap(jobs), max_size=6),
          gone=st.lists(st.integers(1, 12), max_size=4))  # fmt: skip
    def change(self, changed: list[Job], gone: list[int]) -> None:
        self.board.change_jobs(changed, gone)

    @rule(changed=st.lists(st.integers(1, 12).flatmap(jobs), max_size=2),
          gone=st.lists(st.integers(1, 12), max_size=1))  # fmt: skip
    def change_and_rest(self, changed: list[Job], gone: list[int]) -> None:
        """The everyday case: a little changes, nobody asks for anything else."""
        self.board.change_jobs(changed, gone)
        self.rest(0)

    @rule(changed=st.lists(st.integers(1, 12).flatmap(jobs), max_size=2),
          gone=st.lists(st.integers(1, 12), max_size=1), count=st.integers(1, 20))  # fmt: skip
    def change_amid(self, changed: list[Job], gone: list[int], count: int) -> None:
        """Something changes while the last change is still being worked in."""
        self.rest(0)
        self.board.change_jobs(changed, gone)
        self.begin()
        self.go_on(count)
        self.board.change_jobs([one._replace(state="RUNNING", name="z") for one in changed], gone)

    @rule(query=st.sampled_from(QUERIES))
    def filter(self, query: str) -> None:
        self.view.set_query(compile_query(query))

    @rule(key=st.sampled_from(SORTS), descending=st.booleans())
    def sort(self, key: str, descending: bool) -> None:
        self.view.set_sort(key, descending=descending)

    @rule(by=st.sampled_from(["none", "none", "stage", "state", "array", "user"]))
    def group(self, by: str) -> None:
        self.view.set_group(by)  # type: ignore[arg-type]

    @rule(scope=st.sampled_from(["mine", "accounts", "all", "all"]), finished=st.booleans())
    def scope(self, scope: str, finished: bool) -> None:
        self.view.set_scope(scope)  # type: ignore[arg-type]
        self.view.set_finished(finished)

    @rule(number=st.integers(0, 30), how=st.sampled_from(["toggle", "toggle", "all", "none"]))
    def fold(self, number: int, how: str) -> None:
        if how == "all":
            self.view.fold_all()
        elif how == "none":
            self.view.unfold_all()
        elif len(self.view):
            self.view.toggle_fold(self.view.key(number % len(self.view)))

    @rule(number=st.integers(0, 30), other=st.integers(0, 30), is_range=st.booleans())
    def select(self, number: int, other: int, is_range: bool) -> None:
        if len(self.view):
            key = self.view.key(number % len(self.view))
            if is_range:
                self.view.select_range(key, self.view.key(other % len(self.view)))
            else:
                self.view.toggle_selected(key)

    @rule()
    def begin(self) -> None:
        self.ended, self.steps = self.steps, self.view.refresh_steps(self.now)
        next(self.steps, None)
        assert next(self.ended or iter(()), None) is None

    @rule(count=st.integers(1, 6))
    def go_on(self, count: int) -> None:
        """Some steps only: whatever comes next comes in the middle of the work."""
        for _ in range(count):
            if self.steps is not None and next(self.steps, "end") == "end":
                self.steps = None

    @rule(later=st.sampled_from([0, 1, 70]))
    def rest(self, later: int) -> None:
        self.now += later
        while self.view.needs_refresh(self.now):
            self.view.refresh_now(self.now)
            assert next(self.steps or iter(()), "ended") == "ended"
        self.steps = None
        self.compare()

    def compare(self) -> None:
        """As a view that has only ever seen this board."""
        view = self.view
        fresh = QueueView(self.board)
        fresh.set_query(view.query)
        fresh.set_sort(view.sort_key, descending=view.descending)
        fresh.set_group(view.group_by)
        fresh.set_scope(view.scope)
        fresh.set_finished(view.show_finished)
        fresh.refresh_now(view._arranged.sieve.now)
        fresh._folding = view._folding
        fresh._fold_lines()
        assert rows(view) == rows(fresh)
        assert view._arranged.hidden == fresh._arranged.hidden
        shown = {job.job_id for job in view.jobs_of(fresh.key(i) for i in range(len(fresh)))}
        assert all(job.job_id in shown or view.group_by != "none"
                   for job in view.selected_jobs())  # fmt: skip

    @invariant()
    def rows_are_sound(self) -> None:
        """At any time, in the middle of the work too, every row can be drawn and found."""
        keys = [self.view.key(index) for index in range(len(self.view))]
        assert len(set(keys)) == len(keys)
        for index, row in enumerate(rows(self.view)):
            assert row.key == keys[index]
            assert self.view.index_of(row.key) == index
            assert self.view.index_of(row.key, near=3) == index
            if row.kind in (RowKind.ARRAY, RowKind.HET):
                assert row.members > 1
        assert bool(self.view.empty_reason()) == (not keys)


ListMachine.TestCase.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)
TestListMachine = ListMachine.TestCase


def test_every_column_sorts_any_board() -> None:
    assert set(SORTS) <= set(COLUMNS)
