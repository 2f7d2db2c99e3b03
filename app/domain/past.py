"""A job of history: its record, what it used, and what people and jobshape said of it."""

from typing import NamedTuple

from jobshape.app.domain.job import AccountedJob


class PastJob(NamedTuple):
    """One job of history. Times are seconds since the epoch.

    A site may use an id again: ``site`` with the id and the time of submission names a job.
    """

    site: str
    record: AccountedJob
    seen_at: int  # when it was last heard of
    finding: str = ""  # the class of its first finding, "" for none yet
    campaign: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    resubmitted_from: int | None = None  # the job id
    end_unknown: bool = False  # it left the queue and nobody said how it ended


class Lineage(NamedTuple):
    """The jobs that one job was resubmitted from and as, oldest first."""

    before: tuple[PastJob, ...] = ()
    after: tuple[PastJob, ...] = ()
