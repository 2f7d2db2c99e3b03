"""One row of the list, built from its key when it is drawn."""

from enum import Enum
from typing import NamedTuple

from jobshape.app.board.arrangement import GROUP, Arrangement, Folding, Key, RecordOf
from jobshape.app.board.arrays import Counts, counts_of
from jobshape.app.board.board import Board
from jobshape.app.board.words import state_words
from jobshape.app.domain.finding import NONE, UNKNOWN
from jobshape.app.domain.job import NO_JOB, UNASSIGNED, Job
from jobshape.app.domain.text import sanitize


class RowKind(Enum):
    """What a row stands for."""

    JOB = "job"  # one record (an array not split yet is one, too)
    ARRAY = "array"  # several records of one array
    HET = "het"  # the components of a heterogeneous job
    GROUP = "group"  # a group's heading


class Row(NamedTuple):
    """One line of the list.

    ``counts`` are tasks by phase: of an array all on the board, shown or not; of a group those
    shown in it.
    """

    kind: RowKind
    key: Key
    depth: int
    job: Job  # the record; of an array or het job the first one shown; of a group NO_JOB
    counts: Counts
    members: int  # records shown under it when unfolded; 0 for a plain job
    folded: bool | None  # None: nothing to fold
    title: str  # an array's or group's own words ("4_[...]", "training"); a job's id label
    cause: str = ""  # of a failed job that was looked into: what happened, in a few words


class RowMaker(NamedTuple):
    """Builds rows. as_shown gives a record as it was when the rows were put in order."""

    board: Board
    arranged: Arrangement
    folding: Folding
    as_shown: RecordOf

    def row(self, key: Key) -> Row:
        """The row of a key of the arrangement."""
        if isinstance(key, int):
            return self._job_row(key)
        return self._group_row(key) if key.startswith(GROUP) else self._fold_row(key)

    def _record(self, job_id: int) -> Job:
        """The newest record; of a job that has just left the board the last one."""
        return self.board.jobs.get(job_id) or self.as_shown(job_id) or NO_JOB

    def _job_row(self, job_id: int) -> Row:
        job = self._record(job_id)
        in_fold = self.arranged.fold_of(self.as_shown(job_id) or job) is not None
        depth = self.arranged.is_grouped + in_fold
        label = sanitize(job.label)
        cause = self._cause(job_id)
        return Row(RowKind.JOB, job_id, depth, job, counts_of(job), 0, None, label, cause)

    def _cause(self, job_id: int) -> str:
        findings = self.board.findings.get(job_id)
        return findings[0].title if findings and findings[0].label not in (NONE, UNKNOWN) else ""

    def _fold_row(self, key: str) -> Row:
        job = self._record(self.arranged.first(key))
        family = self.board.family_of(job)
        is_array = key.startswith("array ")
        number = key.split(" ")[1]
        return Row(
            kind=RowKind.ARRAY if is_array else RowKind.HET,
            key=key,
            depth=int(self.arranged.is_grouped),
            job=job,
            counts=family.tally.counts if family else counts_of(job),
            members=len(self.arranged.folds[key]),
            folded=not self.folding.is_open(key),
            title=f"{number}_[...]" if is_array else f"{number}+[...]",
        )

    def _group_row(self, key: str) -> Row:
        name = key.removeprefix(GROUP)
        tally = self.arranged.groups[name].tally
        return Row(
            kind=RowKind.GROUP,
            key=key,
            depth=0,
            job=NO_JOB,
            counts=tally.counts,
            members=tally.jobs,
            folded=name in self.folding.closed_groups,
            title=sanitize(self._group_title(name)),
        )

    def _group_title(self, name: str) -> str:
        group_by = self.arranged.sieve.wish.group_by
        if group_by == "array":
            if not name:
                return "no array"
            units = self.arranged.groups[name].units
            first = next((unit for unit in units if isinstance(unit, int)), 0)
            return f"{name} {self._record(first).name}"
        if group_by == "state":
            return state_words(name).short
        return name or UNASSIGNED
