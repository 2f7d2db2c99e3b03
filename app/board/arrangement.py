"""The rows in their order: made from all records, or from the last arrangement and what changed."""

from collections.abc import Callable, Generator, Mapping
from typing import NamedTuple

from jobshape.app.board.arrays import Tally
from jobshape.app.board.board import Board
from jobshape.app.board.order import SCAN, Rank, replace_steps, sort_steps
from jobshape.app.board.sieve import Hidden, Sieve, group_rank
from jobshape.app.domain.job import Job

Key = int | str
"""Names a row for good: a job's id, or a text for an array, a het job or a group."""

RecordOf = Callable[[int], Job | None]
PLACE = 1000
"""Records looked at closely in one step: 2 ms."""

NOTHING: Mapping[int, Job | None] = {}

GROUP = "group "
"""How a heading's key begins; those of folds begin with "array " or "het "."""


class Group:
    """What stands under one heading: jobs and folds, ascending, and their tasks."""

    __slots__ = ("tally", "units")

    def __init__(self, units: list[Key], tally: Tally) -> None:
        self.units = units
        self.tally = tally


class Arrangement:
    """Which rows there are, in which order. Never changed once made, so it can be drawn from.

    All lists ascend by rank; drawing turns them round for a descending sort.
    """

    def __init__(self, sieve: Sieve) -> None:
        self.sieve = sieve
        self.base: list[int] = []  # every record of the board, shown or not
        self.groups: dict[str, Group] = {}  # one named "" where there are no headings
        self.folds: dict[str, list[int]] = {}  # fold -> its shown records, two or more
        self.hidden = [0] * len(Hidden)  # records by why they are hidden (or shown)

    @property
    def is_grouped(self) -> bool:
        """Whether there are headings."""
        return self.sieve.wish.group_by != "none"

    def fold_of(self, job: Job) -> str | None:
        """The fold a shown record stands in, None if it stands alone."""
        fold = self.sieve.fold_of(job)
        return fold if fold in self.folds else None

    def members(self, fold: str) -> list[int]:
        """The records of a fold, in the order drawn."""
        members = self.folds[fold]
        return members[::-1] if self.sieve.wish.descending else members

    def first(self, fold: str) -> int:
        """The record that stands for a fold: the first drawn."""
        return self.folds[fold][-1 if self.sieve.wish.descending else 0]

    def jobs_of(self, unit: Key) -> list[int]:
        """The records of a unit."""
        return self.folds[unit] if isinstance(unit, str) else [unit]


# --- from all records ----------------------------------------------------------------------


def arrange_steps(
    sieve: Sieve, board: Board, record: RecordOf,
    base: list[int] | None = None, changed: Mapping[int, Job | None] = NOTHING,
) -> Generator[None, None, Arrangement]:  # fmt: skip
    """Everything anew. base: ids in this order already, but for those changed; None sorts all."""
    made = Arrangement(sieve)

    def rank_of(job_id: int) -> Rank:
        job = record(job_id)
        assert job is not None
        return sieve.rank(job)

    if base is None:
        # No step has passed since the changes were taken: the board is as taken.
        made.base = yield from sort_steps(tuple(board.jobs), rank_of)
    elif changed:
        there = [job_id for job_id in changed if record(job_id)]
        made.base = yield from replace_steps(base, changed, there, rank_of)
    else:
        made.base = base
    yield from _distribute_steps(made, record)
    return made


def _distribute_steps(made: Arrangement, record: RecordOf) -> Generator[None, None, None]:
    """Put the records of the base under headings and into folds."""
    sieve, groups, folds, hidden = made.sieve, made.groups, made.folds, made.hidden
    descending, grouped = sieve.wish.descending, made.is_grouped
    alone: dict[str, int] = {}  # fold seen once -> where its record stands
    # A fold stands where its first drawn record does: go through them as they are drawn.
    ids = made.base[::-1] if descending else made.base
    for start in range(0, len(ids), PLACE):
        for job_id in ids[start : start + PLACE]:
            job = record(job_id)
            assert job is not None
            why = sieve.hidden(job, fresh=True)
            hidden[why] += 1
            if why:
                continue
            name = sieve.group_of(job)
            group = groups.get(name)
            if group is None:
                group = groups[name] = Group([], Tally())
            if grouped:
                group.tally.add(job)
            fold = sieve.fold_of(job)
            if fold is None:
                group.units.append(job_id)
            elif (members := folds.get(fold)) is not None:
                members.append(job_id)
            elif (place := alone.pop(fold, None)) is not None:
                first = group.units[place]
                assert isinstance(first, int)
                folds[fold] = [first, job_id]
                group.units[place] = fold
            else:
                alone[fold] = len(group.units)
                group.units.append(job_id)
        yield
    if descending:
        for group in groups.values():
            group.units.reverse()
        for number, members in enumerate(folds.values()):
            members.reverse()
            if number % SCAN == SCAN - 1:
                yield


# --- from the last one ---------------------------------------------------------------------


class _Moves(NamedTuple):
    """What leaves and what comes, at one heading or fold."""

    drop: set[int]
    add: list[int]


def rearrange_steps(
    last: Arrangement, changed: Mapping[int, Job | None], board: Board, record: RecordOf,
    unsettled: Callable[[], Mapping[int, Job | None]],
) -> Generator[None, None, Arrangement]:  # fmt: skip
    """The last arrangement with some records changed.

    changed: id -> the record as it was arranged (None: it was not). record gives them as they are
    to be arranged now; unsettled, ids that changed on the board since.
    """
    sieve = last.sieve
    made = Arrangement(sieve)
    made.groups, made.folds = dict(last.groups), dict(last.folds)
    made.hidden = last.hidden.copy()

    def rank_of(unit: Key) -> Rank:
        job = record(unit if isinstance(unit, int) else made.first(unit))
        assert job is not None
        return sieve.rank(job)

    now_there = {job_id: job for job_id in changed if (job := record(job_id)) is not None}
    yield
    made.base = yield from replace_steps(last.base, changed, list(now_there), rank_of)

    alone: dict[str, _Moves] = {}
    folding: dict[tuple[str, str], _Moves] = {}
    tallies: dict[str, Tally] = {}

    def count(job: Job, sign: int) -> _Moves | None:
        """Count a record in or out; where it stands, None if it is hidden."""
        why = sieve.hidden(job, fresh=sign > 0)
        made.hidden[why] += sign
        if why:
            return None
        group = sieve.group_of(job)
        if group not in tallies:
            old = last.groups.get(group)
            tallies[group] = old.tally.copy() if old else Tally()
        if made.is_grouped:
            tallies[group].add(job, sign)
        moves = alone.setdefault(group, _Moves(set(), []))
        fold = sieve.fold_of(job)
        return moves if fold is None else folding.setdefault((group, fold), _Moves(set(), []))

    for number, (job_id, old) in enumerate(changed.items()):
        if old is not None and (moves := count(old, -1)):
            moves.drop.add(job_id)
        job = now_there.get(job_id)
        if job is not None and (moves := count(job, +1)):
            moves.add.append(job_id)
        if number % PLACE == PLACE - 1:
            yield

    drop: dict[str, set[Key]] = {group: set(moves.drop) for group, moves in alone.items()}
    add: dict[str, list[Key]] = {group: list(moves.add) for group, moves in alone.items()}
    for (group, fold), moves in folding.items():
        before = last.folds.get(fold)
        if before is None:
            before = _single(fold, changed, board, record, sieve, unsettled())
            drop[group] |= moves.drop | set(before)
        else:
            drop[group].add(fold)
        after = yield from replace_steps(before, moves.drop, moves.add, rank_of)
        made.folds.pop(fold, None)
        if len(after) > 1:
            made.folds[fold] = after
            add[group].append(fold)
        else:
            add[group] += after
        yield
    for group, tally in tallies.items():
        old_units = last.groups[group].units if group in last.groups else []
        units = yield from replace_steps(old_units, drop[group], add[group], rank_of)
        if units:
            made.groups[group] = Group(units, tally)
        else:
            made.groups.pop(group, None)
    return made


def _single(
    fold: str, changed: Mapping[int, Job | None], board: Board, record: RecordOf, sieve: Sieve,
    unsettled: Mapping[int, Job | None],
) -> list[int]:  # fmt: skip
    """The one unchanged record that is shown of a family that was no fold, if there is one."""
    kind, number = fold.split(" ")[:2]
    family = (board.arrays if kind == "array" else board.hets).get(int(number))
    # Records that left the family since are still arranged.
    ids = (family.job_ids if family else set()) | unsettled.keys()
    for job_id in ids - changed.keys():
        job = record(job_id)
        if job and sieve.fold_of(job) == fold and not sieve.hidden(job, fresh=True):
            return [job_id]
    return []


# --- rows ----------------------------------------------------------------------------------


class Folding:
    """Which folds are open and which headings are closed."""

    def __init__(self) -> None:
        self.revision = 0
        self.open_by_default = False
        self.exceptions: set[str] = set()
        self.closed_groups: set[str] = set()

    def is_open(self, fold: str) -> bool:
        """Whether an array or het job shows its records."""
        return (fold in self.exceptions) != self.open_by_default

    def toggle(self, fold: str) -> None:
        """Open or close one."""
        self.exceptions ^= {fold}
        self.revision += 1

    def toggle_group(self, group: str) -> None:
        """Open or close a heading."""
        self.closed_groups ^= {group}
        self.revision += 1

    def set_all(self, *, is_open: bool) -> None:
        """Open all folds and headings, or close all folds."""
        self.open_by_default = is_open
        self.exceptions.clear()
        if is_open:
            self.closed_groups.clear()
        self.revision += 1

    def forget(self, made: Arrangement) -> None:
        """Drop what is no more, so that it does not pile up over days."""
        if len(self.exceptions) > 1000 + 2 * len(made.folds):
            self.exceptions &= made.folds.keys()


def line_steps(made: Arrangement, folding: Folding) -> Generator[None, None, list[Key]]:
    """The key of every row, from top to bottom."""
    lines: list[Key] = []
    if folding.open_by_default:
        opened = made.folds.keys() - folding.exceptions
    else:
        opened = made.folds.keys() & folding.exceptions
    wish = made.sieve.wish
    for name in sorted(made.groups, key=lambda name: group_rank(wish, name)):
        if made.is_grouped:
            lines.append(GROUP + name)
            if name in folding.closed_groups:
                continue
        units = made.groups[name].units
        if wish.descending:
            units = units[::-1]
        if not opened:
            lines += units
            continue
        done = 0
        for start in range(0, len(units), SCAN):
            for place, unit in enumerate(units[start : start + SCAN], start):
                if unit in opened:
                    assert isinstance(unit, str)
                    lines += units[done : place + 1]
                    lines += made.members(unit)
                    done = place + 1
            yield
        lines += units[done:]
    return lines
