"""The job list as it is shown: filtered, sorted, grouped and folded, row by row."""

from collections.abc import Callable, Generator, Iterable, Iterator

from jobshape.app.board.arrangement import (
    GROUP,
    PLACE,
    Arrangement,
    Folding,
    Key,
    arrange_steps,
    line_steps,
    rearrange_steps,
)  # fmt: skip
from jobshape.app.board.board import Board
from jobshape.app.board.columns import COLUMNS
from jobshape.app.board.emptiness import why_empty
from jobshape.app.board.order import finish
from jobshape.app.board.query import Query
from jobshape.app.board.rows import Row, RowKind, RowMaker
from jobshape.app.board.search_text import SearchTexts
from jobshape.app.board.sieve import GroupBy, Hidden, ScopeName, Sieve, Wish
from jobshape.app.domain.job import Job

__all__ = ["GroupBy", "Key", "QueueView", "Row", "RowKind", "ScopeName"]

RECLOCK_FILTER_S, RECLOCK_SORT_S = 5, 60
"""How often a filter or an order that depends on the time is worked out again."""

NEW_SHARE = 20
"""When more than one record in so many changed, all are arranged anew: that costs less."""

NEAR = 500
"""Rows around the last place that are looked at first."""


class QueueView:
    """Rows to draw. Setters only note what is wanted; driving ``refresh_steps`` makes it so.

    Drawing side: after a setter, a fold or a board change drive the steps
    (``for _ in view.refresh_steps(now): await asyncio.sleep(0)``); until the last step the old
    rows are drawn. A newer call of ``refresh_steps`` ends an older one, losing nothing.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self.selection: set[Key] = set()
        self.revision = 0  # changes with every new order
        self._wish = Wish()
        self._folding = Folding()
        self._texts = SearchTexts()
        self._watch = board.watch()
        self._pending: dict[int, Job | None] = {}  # taken from the watch, not arranged yet
        self._arranged = Arrangement(Sieve(self._wanted(), 0.0, self._texts))
        self._pending.update(dict.fromkeys(board.jobs))
        self._lines: list[Key] = []
        self._lines_of = -1  # the folding's revision they show
        self._run = 0

    # --- what is wanted

    @property
    def query(self) -> Query:
        """The filter wanted."""
        return self._wish.query

    @property
    def sort_key(self) -> str:
        """The key of the column sorted by."""
        return self._wish.sort_key

    @property
    def descending(self) -> bool:
        """Whether the largest stands first."""
        return self._wish.descending

    @property
    def group_by(self) -> GroupBy:
        """What the headings are."""
        return self._wish.group_by

    @property
    def scope(self) -> ScopeName:
        """Whose jobs are shown."""
        return self._wish.scope

    @property
    def show_finished(self) -> bool:
        """Whether jobs that are over are shown."""
        return self._wish.show_finished

    def set_query(self, query: Query) -> None:
        """Show only what matches."""
        self._wish = self._wish._replace(query=query)

    def set_sort(self, column_key: str, *, descending: bool = False) -> None:
        """Sort by a column of COLUMNS. Raises KeyError for another."""
        self._wish = self._wish._replace(sort_key=COLUMNS[column_key].key, descending=descending)

    def set_group(self, group_by: GroupBy) -> None:
        """Put rows under headings."""
        self._wish = self._wish._replace(group_by=group_by)

    def set_stages(self, stages: tuple[str, ...]) -> None:
        """The order of the stages' headings."""
        self._wish = self._wish._replace(stages=stages)

    def set_scope(self, scope: ScopeName) -> None:
        """Whose jobs to show, of those the board holds."""
        self._wish = self._wish._replace(scope=scope)

    def set_finished(self, show: bool) -> None:
        """Show or hide jobs that are over."""
        self._wish = self._wish._replace(show_finished=show)

    def _wanted(self) -> Wish:
        """The wish with who I am, which the link learns later."""
        if self._wish.scope == "all":
            return self._wish
        link = self.board.link
        return self._wish._replace(user=link.user, accounts=link.accounts)

    # --- bringing it about

    def needs_refresh(self, now: float) -> bool:
        """Whether driving refresh_steps would do anything."""
        return bool(
            self._pending
            or self._watch.before
            or self._wanted() != self._arranged.sieve.wish
            or self._lines_of != self._folding.revision
            or self._is_old(now)
        )

    def _is_old(self, now: float) -> bool:
        """Whether the time alone has changed what is shown or its order."""
        sieve = self._arranged.sieve
        age = abs(now - sieve.now)
        return (sieve.wish.query.clocked and age >= RECLOCK_FILTER_S) or self._sort_is_old(now)

    def _sort_is_old(self, now: float) -> bool:
        sieve = self._arranged.sieve
        return COLUMNS[sieve.wish.sort_key].clocked and abs(now - sieve.now) >= RECLOCK_SORT_S

    def refresh_steps(self, now: float) -> Iterator[None]:
        """Bring the rows up to date in steps of a few ms each; the last one swaps them in."""
        self._run += 1
        run = self._run
        work = self._work(now)
        while self._run == run and next(work, work) is not work:
            yield

    def _work(self, now: float) -> Generator[None, None, None]:
        taken = self._watch.take()
        # What an abandoned run had taken is older, so it is what the rows still show.
        changed = self._pending = {**taken, **self._pending}
        self._texts.forget(changed)
        last = self._arranged
        made = yield from self._arrange(last, changed, now)
        if made is last and self._lines_of == self._folding.revision:
            return
        selection = yield from self._keep_selected(last, made, changed)
        while True:
            revision = self._folding.revision
            lines = yield from line_steps(made, self._folding)
            if revision == self._folding.revision:
                break
        # The swap: nothing may come between these.
        self._arranged, self._lines, self._lines_of = made, lines, revision
        self._pending = {}
        self.selection = selection(self.selection)
        self._folding.forget(made)
        self.revision += 1
        if not made.sieve.wish.query.reads_text:
            self._texts.clear()

    def _arrange(
        self, last: Arrangement, changed: dict[int, Job | None], now: float
    ) -> Generator[None, None, Arrangement]:
        wish, board, record = self._wanted(), self.board, self._as_taken
        many = len(changed) * NEW_SHARE > len(board.jobs)
        if wish == last.sieve.wish and not many and not self._is_old(now):
            if not changed:
                return last
            return (yield from rearrange_steps(
                last, changed, board, record, lambda: self._watch.before
            ))  # fmt: skip
        if many or wish.order != last.sieve.wish.order or self._sort_is_old(now):
            sieve = Sieve(wish, now, self._texts)
            return (yield from arrange_steps(sieve, board, record))
        # The order stays, so ranks stay those of the time it was made at.
        sieve = Sieve(wish, now, self._texts, ranked_at=last.sieve.ranked_at)
        return (yield from arrange_steps(sieve, board, record, last.base, changed))

    def _as_taken(self, job_id: int) -> Job | None:
        """A record as it was when the run under way began, whatever has come since."""
        before = self._watch.before
        return before[job_id] if job_id in before else self.board.jobs.get(job_id)

    def _as_shown(self, job_id: int) -> Job | None:
        """A record as it was when the rows were made."""
        if job_id in self._pending:
            return self._pending[job_id]
        return self._as_taken(job_id)

    def _keep_selected(
        self, last: Arrangement, made: Arrangement, changed: dict[int, Job | None]
    ) -> Generator[None, None, Callable[[set[Key]], set[Key]]]:
        """How the selection changes so that it holds what is shown, and nothing else."""
        drop: set[Key] = set()
        add: set[Key] = set()

        def is_shown(job_id: int) -> bool:
            job = self._as_taken(job_id)
            return job is not None and not made.sieve.hidden(job, fresh=True)

        every = made.sieve is not last.sieve
        for number, key in enumerate(tuple(self.selection if every else
                                           self.selection & changed.keys())):  # fmt: skip
            if isinstance(key, int) and not is_shown(key):
                drop.add(key)
            if number % PLACE == PLACE - 1:
                yield
        for key in tuple(self.selection):
            if isinstance(key, str) and key not in made.folds:
                drop.add(key)  # the one record left of it is selected in its place
                add.update(one for one in last.folds.get(key, ()) if is_shown(one))
        return lambda selection: (selection - drop) | (add if drop & selection else set())

    def refresh_now(self, now: float) -> None:
        """All steps at once, for tests and small boards."""
        for _ in self.refresh_steps(now):
            pass

    # --- rows

    def __len__(self) -> int:
        return len(self._lines)

    def key(self, index: int) -> Key:
        """The key of a row. Raises IndexError."""
        return self._lines[index]

    def keys(self, start: int, stop: int) -> list[Key]:
        """The keys of some rows, as many as there are."""
        return self._lines[max(0, start) : max(0, stop)]

    def index_of(self, key: Key, near: int | None = None) -> int | None:
        """Where a key stands; a folded-away job stands at its array's row. None: not shown.

        near: where it stood before, which makes it faster.
        """
        at = self._find(key, near)
        if at is not None:
            return at
        for stand_in in self._stand_ins(key):
            at = self._find(stand_in, near)
            if at is not None:
                return at
        return None

    def _find(self, key: Key, near: int | None) -> int | None:
        if near is not None:
            start = max(0, near - NEAR)
            window = self._lines[start : near + NEAR]
            if key in window:
                return start + window.index(key)
        try:
            return self._lines.index(key)
        except ValueError:
            return None

    def _stand_ins(self, key: Key) -> list[Key]:
        """Rows that show what a key without a row of its own names, nearest first."""
        arranged = self._arranged
        if isinstance(key, str):  # a fold of which one record is left
            if key.startswith(GROUP):
                return []
            kind, number = key.split(" ")[:2]
            family = (self.board.arrays if kind == "array" else self.board.hets).get(int(number))
            ids = tuple(family.job_ids) if family else ()
            if len(ids) > NEAR:
                return []
        else:
            ids = (key,)
        rows: list[Key] = []
        for job_id in ids:
            job = self._as_shown(job_id)
            if job is None or arranged.sieve.hidden(job, fresh=False):
                continue
            fold = arranged.fold_of(job)
            rows += [fold or job_id, GROUP + arranged.sieve.group_of(job)]
            break
        return rows

    def row(self, index: int) -> Row:
        """The row to draw, built now: ask only for what is visible. Raises IndexError."""
        return RowMaker(self.board, self._arranged, self._folding, self._as_shown).row(
            self._lines[index]
        )

    @property
    def shown(self) -> int:
        """Records that pass filter, scope and finished, folded or not."""
        return self._arranged.hidden[Hidden.SHOWN]

    @property
    def hidden_by_filter(self) -> int:
        """Records that only the filter hides."""
        return self._arranged.hidden[Hidden.QUERY]

    @property
    def hidden_finished(self) -> int:
        """Records hidden because they are over."""
        return self._arranged.hidden[Hidden.FINISHED]

    # --- folds

    def toggle_fold(self, key: Key) -> bool:
        """Fold or unfold an array, het job or group at once; False if there is nothing to fold.

        A job that stands in an unfolded array folds that.
        """
        if isinstance(key, int):
            job = self._as_shown(key)
            fold = self._arranged.fold_of(job) if job else None
            if fold is None:
                return False
            key = fold
        if key.startswith(GROUP):
            self._folding.toggle_group(key.removeprefix(GROUP))
        elif key in self._arranged.folds:
            self._folding.toggle(key)
        else:
            return False
        self._fold_lines()
        return True

    def fold_all(self) -> None:
        """Fold every array and het job, at once."""
        self._folding.set_all(is_open=False)
        self._fold_lines()

    def unfold_all(self) -> None:
        """Unfold every array, het job and group, at once."""
        self._folding.set_all(is_open=True)
        self._fold_lines()

    def _fold_lines(self) -> None:
        """The same arrangement with other folds: a few ms at 100,000 rows."""
        steps = line_steps(self._arranged, self._folding)
        self._lines = finish(steps)
        self._lines_of = self._folding.revision
        self.revision += 1

    # --- selection

    def is_selected(self, key: Key) -> bool:
        """Whether a row is drawn as selected: itself, or the array it stands in."""
        if key in self.selection:
            return True
        if isinstance(key, str) or not self.selection:
            return False
        job = self._as_shown(key)
        return job is not None and self._arranged.fold_of(job) in self.selection

    def toggle_selected(self, key: Key) -> None:
        """Select or unselect a row; a group's heading stands for all under it.

        A task of a selected array leaves the others selected.
        """
        if isinstance(key, str) and key.startswith(GROUP):
            units = set(self._arranged.groups[key.removeprefix(GROUP)].units)
            self.selection = self.selection - units if units <= self.selection else (
                self.selection | units
            )  # fmt: skip
            return
        if key not in self.selection and self.is_selected(key):
            job = self._as_shown(int(key))
            fold = self._arranged.fold_of(job) if job else None
            if fold is not None:
                self.selection.discard(fold)
                self.selection.update(self._arranged.folds[fold])
        self.selection ^= {key}

    def select_range(self, anchor: Key, to: Key) -> None:
        """Select every row from one to another, both included; headings are left out."""
        ends = (self.index_of(anchor), self.index_of(to))
        if None not in ends:
            first, last = sorted(end for end in ends if end is not None)
            self.selection.update(
                key for key in self._lines[first : last + 1]
                if isinstance(key, int) or not key.startswith(GROUP)
            )  # fmt: skip

    def clear_selection(self) -> None:
        """Select nothing."""
        self.selection.clear()

    def selected_jobs(self, cursor: Key | None = None) -> list[Job]:
        """The records selected, arrays as all their shown ones; nothing selected: cursor's."""
        if self.selection:
            return self.jobs_of(self.selection)
        return [] if cursor is None else self.jobs_of((cursor,))

    def jobs_of(self, keys: Iterable[Key]) -> list[Job]:
        """The records these rows stand for that are still there, each once, by id."""
        arranged = self._arranged
        ids: set[int] = set()
        for key in keys:
            if isinstance(key, int):
                ids.add(key)
            elif key in arranged.folds:
                ids.update(arranged.folds[key])
            elif key.startswith(GROUP) and key.removeprefix(GROUP) in arranged.groups:
                for unit in arranged.groups[key.removeprefix(GROUP)].units:
                    ids.update(arranged.jobs_of(unit))
        jobs = self.board.jobs
        return [jobs[job_id] for job_id in sorted(ids) if job_id in jobs]

    # --- emptiness

    def empty_reason(self) -> str:
        """Why there is no row, in plain words; "" while there is one."""
        if self._lines:
            return ""
        return why_empty(self.board.link, self._arranged.hidden, self._arranged.sieve.wish)
