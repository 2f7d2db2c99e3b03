"""The history of one user: everything that is asked of it and told it."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jobshape.app.domain.action import ActionEntry, ActionRecord, Ended, Outcome, SubmissionRecord
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import AccountedJob, Job, Usage
from jobshape.app.domain.past import PastJob
from jobshape.app.history import actions, reading, submissions, writing
from jobshape.app.history.coverage import Coverage
from jobshape.app.history.opening import (
    BUSY_S,
    HistoryTrouble,
    open_to_read,
    open_to_write,
    translated,
)
from jobshape.app.history.query import JobQuery
from jobshape.app.history.restaging import restage
from jobshape.app.history.rows import prepare
from jobshape.app.history.thinning import thin_due
from jobshape.app.history.words import Words, bound
from jobshape.app.history.writing import Recorded

Clock = Callable[[], float]
FINISHED_KEPT_S = 14 * 86400
"""How long an ended job that accounting has not told of is still asked for."""


class UnknownJob(JobshapeError):
    """The history has no such job."""


class History:
    """The open file, for one thread at a time. Every method raises HistoryTrouble; those that write
    something on a job raise UnknownJob.

    ``notice`` is for the person: a damaged file was set aside, or a newer jobshape made this one.
    Every writing method is a transaction: when it returns, what it was given is kept.
    """

    def __init__(
        self, path: Path, db: sqlite3.Connection, notice: str, *, writable: bool,
        clock: Clock = time.time,
    ) -> None:  # fmt: skip
        self.path = path
        self.notice = notice
        self.writable = writable
        self._db = db
        self._clock = clock
        prepare(db)
        self._words = Words(db)

    @classmethod
    def to_write(cls, path: Path, *, clock: Clock = time.time, busy_s: float = BUSY_S) -> "History":
        """Open it to write, made if it is missing, brought up to date if it is old.

        Raises HistoryTrouble where it cannot be written now, NewerHistory where a newer jobshape
        made it; :meth:`to_read` may work then.
        """
        db, notice = open_to_write(path, busy_s=busy_s)
        return cls(path, db, notice, writable=True, clock=clock)

    @classmethod
    def to_read(cls, path: Path, *, clock: Clock = time.time) -> "History | None":
        """Open it to read; None if there is none yet."""
        opened = open_to_read(path)
        if opened is None:
            return None
        return cls(path, *opened, writable=False, clock=clock)

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def __enter__(self) -> "History":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writing in it is kept together or not at all."""
        if not self.writable:
            raise HistoryTrouble("the history is open for reading only", where=str(self.path))
        if self._db.in_transaction:  # part of a larger one
            yield
            return
        with translated(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._words.forget()
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    # --- what is told it --------------------------------------------------------------------

    def record_jobs(
        self, site: str, records: Iterable[Job | AccountedJob], *, from_queue: bool
    ) -> Recorded:
        """Take in what the queue or, with what they used, accounting says of jobs."""
        with self.transaction():
            return writing.record_jobs(
                self._db, self._words, site, records, self._now(), from_queue=from_queue
            )

    def record_lost(self, site: str, job_ids: Iterable[int]) -> int:
        """These left the queue and nobody says how they ended; gives how many it marked."""
        with self.transaction():
            return writing.record_lost(self._db, self._words, site, job_ids)

    def record_all_lost_but(self, site: str, in_queue: frozenset[int]) -> int:
        """The same for every job that is not over and not among these; gives how many."""
        with self.transaction():
            return writing.record_all_lost_but(self._db, self._words, site, in_queue)

    def record_usage(self, site: str, samples: Iterable[Usage]) -> int:
        """Take in samples of running jobs, and thin old ones; gives how many were kept."""
        with self.transaction():
            kept = writing.record_usage(self._db, self._words, site, samples, self._now())
            self.thin()
            return kept

    def thin(self) -> int:
        """Let old samples grow fewer; gives the number of jobs that were looked at."""
        with self.transaction():
            return thin_due(self._db, self._now())

    def record_findings(
        self, site: str, job_id: int, submit_time: int | None, findings: Sequence[Finding]
    ) -> None:
        """What was found of a job now, best first; replaces what was found before."""
        with self.transaction():
            row = self._row(site, job_id, submit_time)
            writing.record_findings(self._db, self._words, row, findings, self._now())

    def record_origin(
        self, site: str, job_id: int, *, campaign: str = "", resubmitted_from: int | None = None
    ) -> None:
        """Where a job comes from that was just submitted, before or after the queue shows it."""
        with self.transaction():
            writing.record_origin(
                self._db, self._words, site, job_id, self._now(),
                campaign=campaign, resubmitted_from=resubmitted_from,
            )  # fmt: skip

    def restage(self, site: str, stage_of: Callable[[Job], str]) -> int:
        """Apply other stage rules to all jobs of the site; gives how many changed."""
        with self.transaction():
            return restage(self._db, self._words, site, stage_of)

    def tag(self, site: str, job_id: int, submit_time: int | None, tags: Iterable[str]) -> None:
        """Put tags on a job."""
        with self.transaction():
            row = self._row(site, job_id, submit_time)
            self._db.executemany(
                "INSERT OR IGNORE INTO tags VALUES (CAST(? AS TEXT), ?)",
                [(bound(tag), row) for tag in tags],
            )

    def untag(self, site: str, job_id: int, submit_time: int | None, tags: Iterable[str]) -> None:
        """Take tags off a job."""
        with self.transaction():
            row = self._row(site, job_id, submit_time)
            self._db.executemany(
                "DELETE FROM tags WHERE tag = CAST(? AS TEXT) AND job = ?",
                [(bound(tag), row) for tag in tags],
            )

    def note(self, site: str, job_id: int, submit_time: int | None, text: str) -> None:
        """What a person says of a job; "" takes it back."""
        with self.transaction():
            row = self._row(site, job_id, submit_time)
            self._db.execute(
                "UPDATE jobs SET note = nullif(CAST(? AS TEXT), '') WHERE id = ?",
                (bound(text), row),
            )

    def ack(self, key: str) -> None:
        """An alert was seen by the person and is not to come again."""
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO acks VALUES (CAST(? AS TEXT), ?)", (bound(key), self._now())
            )

    def note_fact(self, name: str, value: str) -> None:
        """Keep one of the few facts about the history itself."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def set_remark(self, site: str, words: str) -> None:
        """Keep what is to be known of all jobs of a site; "" takes it back."""
        self.note_fact(f"remark {site}", words)

    # --- what was done to jobs --------------------------------------------------------------

    def begin_actions(
        self, site: str, user: str, entries: Iterable[ActionEntry]
    ) -> tuple[int, ...]:
        """Keep that these will be sent now; gives their ids, in order."""
        with self.transaction():
            return actions.begin(self._db, self._words, site, user, entries, self._now())

    def end_actions(self, ended: Iterable[Ended]) -> None:
        """Keep what became of them. One that undoes another marks it if it was done."""
        with self.transaction():
            actions.end(self._db, self._words, ended, self._now())

    def actions(
        self, site: str, limit: int, job: str | None = None, since: int | None = None
    ) -> list[ActionRecord]:
        """The newest so many, newest first, and the rest of the last one's batch.

        site: "" for all. job: those that concern this job, task or array. One whose process is gone
        without a word is "unknown".
        """
        with translated(self.path):
            return actions.actions(self._db, self._words, self._now(), site, limit, job, since)

    def action(self, action_id: int) -> ActionRecord | None:
        """One of them."""
        with translated(self.path):
            return actions.action(self._db, self._words, self._now(), action_id)

    def begin_submission(self, site: str, user: str, record: SubmissionRecord) -> int:
        """Keep that this will be submitted now, which is an action too; gives its id."""
        with self.transaction():
            return submissions.begin(self._db, self._words, site, user, record, self._now())

    def end_submission(
        self, submission_id: int, job_id: int | None, outcome: Outcome, words: str = ""
    ) -> None:
        """Keep what became of it; of a resubmission also which job it came from."""
        with self.transaction():
            submissions.end(
                self._db, self._words, submission_id, job_id, outcome, words, self._now()
            )

    def submission(self, site: str, job_id: int) -> SubmissionRecord | None:
        """The newest submission that became this job, or the array that it is a task of."""
        with translated(self.path):
            return submissions.of_job(self._db, self._words, self._now(), site, job_id)

    def submissions(
        self, site: str, *, script_hash: str = "", configuration_hash: str = "",
        since: int | None = None, limit: int = 200,
    ) -> list[SubmissionRecord]:  # fmt: skip
        """Those with these hashes, "" for any, since then; newest first."""
        with translated(self.path):
            return submissions.submissions(
                self._db, self._words, self._now(), site, script_hash, configuration_hash, since,
                limit,
            )  # fmt: skip

    def submission_sites(self, job_id: int) -> list[str]:
        """Where a submission became a job of this id."""
        with translated(self.path):
            return submissions.sites_of(self._db, self._words, job_id)

    def script_of(self, site: str, job_id: int) -> str | None:
        """The script that this job was submitted with; None if it is not kept."""
        found = self.submission(site, job_id)
        return None if found is None else found.script

    # --- which times of accounting were read ------------------------------------------------

    def coverage(self, site: str) -> Coverage:
        """Which times of the site's accounting were read."""
        return Coverage.from_text(self.fact(f"accounting {site}"))

    def set_coverage(self, site: str, coverage: Coverage) -> None:
        """Keep which times were read, in the transaction of what was read there."""
        self.note_fact(f"accounting {site}", coverage.text())

    def oldest_without_usage(self, site: str, most_s: int = FINISHED_KEPT_S) -> int | None:
        """When the first of the recent jobs ended of which accounting has not told; None: none.

        One that never started used nothing, and sacct leaves out those that were held to their end.
        """
        query = (
            "SELECT min(last_at) FROM jobs WHERE site = ? AND last_at >= ? AND over <> 0"
            " AND elapsed_s IS NULL AND start_time IS NOT NULL"
        )
        with translated(self.path):
            (oldest,) = self._db.execute(
                query, (self._words.number(site), self._now() - most_s)
            ).fetchone()
        return None if oldest is None else int(oldest)

    # --- what is asked of it ----------------------------------------------------------------

    def jobs(self, query: JobQuery) -> list[PastJob]:
        """The jobs of a query, newest first. Raises BadQuery."""
        with translated(self.path):
            return reading.jobs(self._db, self._words, query)

    def job(self, site: str, job_id: int, submit_time: int | None = None) -> PastJob | None:
        """One job; without a time of submission the newest of this id."""
        found = self.jobs(JobQuery(site=site, ids=(str(job_id),), limit=1000))
        return next(
            (job for job in sorted(found, key=_submitted, reverse=True)
             if job.record.job.job_id == job_id
             and submit_time in (None, job.record.job.submit_time)),
            None,
        )  # fmt: skip

    def stage_runs(self, site: str, since: int, most_per_stage: int = 500) -> list[PastJob]:
        """Ended jobs of each stage since then, the newest of each, stage by stage."""
        with translated(self.path):
            return reading.stage_runs(self._db, self._words, site, since, most_per_stage)

    def similar(self, job: PastJob | Job, site: str = "", most: int = 200) -> list[PastJob]:
        """Ended runs of the same thing: same stage, name the same but for numbers; newest first.

        site: needed for a record of the queue.
        """
        record = job.record.job if isinstance(job, PastJob) else job
        where = job.site if isinstance(job, PastJob) else site
        with translated(self.path):
            return reading.similar(self._db, self._words, where, record.stage, record.name, most)

    def usage_series(self, site: str, job_id: int, submit_time: int | None = None) -> list[Usage]:
        """The samples of a job, oldest first."""
        with translated(self.path):
            row = writing.row_of(self._db, self._words, site, job_id, submit_time)
            return [] if row is None else reading.usage_series(self._db, self._words, row, job_id)

    def findings(self, site: str, job_id: int, submit_time: int | None = None) -> list[Finding]:
        """What was found of a job, best first."""
        with translated(self.path):
            row = writing.row_of(self._db, self._words, site, job_id, submit_time)
            return [] if row is None else reading.findings(self._db, row)

    def lineage(self, site: str, job_id: int, submit_time: int | None = None) -> list[PastJob]:
        """The jobs it was resubmitted from and those resubmitted from it, itself too, by time."""
        with translated(self.path):
            row = writing.row_of(self._db, self._words, site, job_id, submit_time)
            return [] if row is None else reading.lineage(self._db, self._words, site, row)

    def acknowledged(self, since: int = 0) -> dict[str, int]:
        """Alerts that were acknowledged since then: key -> when."""
        with translated(self.path):
            return dict(self._db.execute("SELECT key, at FROM acks WHERE at >= ?", (since,)))

    def fact(self, name: str) -> str:
        """One of the few facts; "" if it is not known."""
        with translated(self.path):
            row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def remark(self, site: str) -> str:
        """What is to be known of all jobs of the site, "" if nothing."""
        return self.fact(f"remark {site}")

    def sites(self) -> list[str]:
        """The sites there are jobs of."""
        with translated(self.path):
            numbers = reading.different(self._db, "site")
            texts = self._words.texts(numbers)
        return sorted(texts[number] for number in numbers)

    def count(self, site: str = "") -> int:
        """How many jobs there are, of one site or of all."""
        where, values = ("WHERE site = ?", [self._words.number(site)]) if site else ("", [])
        with translated(self.path):
            (count,) = self._db.execute(f"SELECT count(*) FROM jobs {where}", values).fetchone()
        return int(count)

    def _now(self) -> int:
        return int(self._clock())

    def _row(self, site: str, job_id: int, submit_time: int | None) -> int:
        row = writing.row_of(self._db, self._words, site, job_id, submit_time)
        if row is None:
            raise UnknownJob(f"no job {job_id} of {site} is known", where=str(self.path))
        return row


def _submitted(job: PastJob) -> int:
    return job.record.job.submit_time or 0
