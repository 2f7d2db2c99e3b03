"""A submission without an answer: found, surely lost, or for a person to say."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.local.backend import LocalBackend
from jobshape.app.backends.local.config import LocalSite
from jobshape.app.domain.errors import BackendError, Refused, Unreachable
from jobshape.app.domain.job import NO_JOB, AccountedJob, Job
from jobshape.app.rounds.array_script import comment_of, job_name, new_key
from jobshape.app.rounds.campaign import Sending
from jobshape.app.rounds.observing import QueueIndex
from jobshape.app.rounds.settling import QUEUE_KEEPS_S, SETTLE_S, NotSure, Search, is_being_sent

AT = 1_000_000
KEY = new_key()
NAME = job_name("p", "f", KEY)
SENDING = Sending(7, 1, 0, KEY, NAME, AT, "unknown")
EMPTY = QueueIndex(())
TASK = NO_JOB._replace(job_id=13, array_job_id=12, array_task_id=1, name=NAME)


class Site(LocalBackend):
    """A local site where nothing runs, whose accounting says what the test wants."""

    said: "list[Job] | BackendError"

    def accounting(
        self, scope: Scope, since: int, until: int | None = None, jobs: Sequence[str] = ()
    ) -> list[AccountedJob]:
        if isinstance(self.said, BackendError):
            raise self.said
        assert since <= AT - 60
        return [AccountedJob(job, None, None, None, "") for job in self.said]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(LocalSite(folder=str(tmp_path / "site"), name="here"))
    made.said = []
    return made


@pytest.mark.parametrize(
    "job", [TASK, TASK._replace(name="other", comment=comment_of("p", "s", KEY))]
)
def test_found_by_name_or_key(site: Site, job: Job) -> None:
    assert Search(site).look(SENDING, QueueIndex([NO_JOB, job]), AT) == 12
    site.said = [job]
    assert Search(site).look(SENDING, EMPTY, AT + SETTLE_S) == 12


def test_a_job_sent_again_by_hand_is_not_taken_for_it(site: Site) -> None:
    first = TASK._replace(comment=comment_of("p", "s", KEY))
    again = first._replace(job_id=99, array_job_id=None, array_task_id=None)
    for jobs in ([again, first], [first, again]):
        assert Search(site).look(SENDING, QueueIndex(jobs), AT) == 12


def test_a_job_that_the_queue_forgot_at_once_is_not_lost(site: Site) -> None:
    """MinJobAge may be seconds: accounting is asked before anything is sent again."""
    search = Search(site)
    assert isinstance(search.look(SENDING, EMPTY, AT + SETTLE_S), NotSure)
    site.said = [TASK]
    assert search.look(SENDING, EMPTY, AT + 2 * SETTLE_S) == 12


def test_lost_once_it_is_missing_long_enough(site: Site) -> None:
    search = Search(site)
    for age in (0, SETTLE_S - 1, SETTLE_S, 2 * SETTLE_S - 1):
        assert isinstance(search.look(SENDING, EMPTY, AT + age), NotSure)
    assert search.look(SENDING, EMPTY, AT + 2 * SETTLE_S) is None


def test_no_answer_of_accounting_decides_nothing(site: Site) -> None:
    search = Search(site)
    site.said = Unreachable("the database is away")
    for age in (SETTLE_S, 10 * SETTLE_S, 100 * SETTLE_S):
        assert search.look(SENDING, EMPTY, AT + age) == NotSure("the database is away")


def test_without_accounting_the_queue_is_enough_if_it_was_read_in_time(site: Site) -> None:
    site.said = Refused("Slurm accounting storage is disabled")
    search = Search(site)
    assert isinstance(search.look(SENDING, EMPTY, AT + SETTLE_S), NotSure)
    assert search.look(SENDING, EMPTY, AT + 2 * SETTLE_S) is None
    late = Search(site).look(SENDING, EMPTY, AT + QUEUE_KEEPS_S + 1)
    assert isinstance(late, NotSure)
    assert late.is_final
    unread = Search(site).look(SENDING, QueueIndex((), 1), AT + SETTLE_S)
    assert isinstance(unread, NotSure)
    assert unread.is_final


def test_an_sbatch_that_outlived_its_runner_may_still_send(site: Site) -> None:
    search = Search(site)
    assert isinstance(search.look(SENDING, EMPTY, AT + SETTLE_S), NotSure)
    with subprocess.Popen(
        ["sh", "-c", "read line", f"--comment={comment_of('p', 's', KEY)}"], stdin=subprocess.PIPE
    ):
        assert is_being_sent(KEY)
        assert isinstance(search.look(SENDING, EMPTY, AT + 2 * SETTLE_S), NotSure)
    assert not is_being_sent(KEY)
    assert isinstance(search.look(SENDING, EMPTY, AT + 2 * SETTLE_S), NotSure)
    assert search.look(SENDING, EMPTY, AT + 3 * SETTLE_S) is None
