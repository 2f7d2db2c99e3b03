"""What a sender leaves behind, whatever the site answers, or when it is killed in between."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from jobshape.app.backends.local.backend import LocalBackend
from jobshape.app.backends.local.config import LocalSite
from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.errors import BackendError, Refused, Unreachable
from jobshape.app.domain.job import NO_JOB
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.rounds.array_script import LOG_FOLDER, Run
from jobshape.app.rounds.campaign import Campaign, Sending
from jobshape.app.rounds.campaign_run import CampaignRun, Conditions, new_trials
from jobshape.app.rounds.dispatching import Parcel
from jobshape.app.rounds.observing import QueueIndex
from jobshape.app.rounds.sending import Sender
from jobshape.app.rounds.settling import QUEUE_KEEPS_S, SETTLE_S
from jobshape.app.rounds.store import Store
from jobshape.app.scripts.draft import Project

from tests.unit.rounds.making import manifest_of

AT = 1_000_000
MANIFEST = """\
project: p
stages: [{name: s, command: [run]}]
phases:
  - name: f
    grid: {parameters: {n: [0, 1]}, template: {id: "j-${n}", args: ["${n}"]}}
"""
EMPTY = QueueIndex(())
End = Callable[[int | None, BackendError | None], None]


class Killed(BaseException):
    """As if the process ended here."""


class Site(LocalBackend):
    """A local site that answers a submission, and accounting, as the test wants."""

    answer: "int | BaseException" = 12
    accounts: "BackendError | None" = None
    sent: "SubmitRequest | None" = None

    def submit(self, request: SubmitRequest) -> int:
        self.sent = request
        if isinstance(self.answer, int):
            return self.answer
        raise self.answer

    def accounting(self, *given: object, **named: object) -> list:  # type: ignore[type-arg,override]
        if self.accounts is not None:
            raise self.accounts
        return []


@dataclass
class World:
    """A campaign of two jobs and who sends them."""

    folder: Path
    site: Site
    store: Store
    number: int
    ends: list[tuple[int | None, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """As a runner does after one that was killed."""
        campaign = next(one for one in self.store.campaigns() if one.id == self.number)
        self.run = CampaignRun(self.store, campaign, Conditions())
        self.sender = Sender(self.run, self.site, self._keep, Project)

    def _keep(self, record: SubmissionRecord) -> "End":
        def end(job_id: int | None, error: BackendError | None) -> None:
            self.ends.append((job_id, error.what if error else ""))

        return end

    def send(self, *runs: Run) -> None:
        shape = self.run.jobs[0].recipe.shape
        made = runs or tuple(Run(job.words, shape) for job in self.run.jobs)
        self.sender.send(Parcel(tuple(self.run.trials.values()), made, None), AT)

    @property
    def states(self) -> list[tuple[str, int]]:
        """State and attempts of the trials: in memory as on disk."""
        on_disk = self.store.trials(self.number)
        assert list(self.run.trials.values()) == on_disk
        return [(trial.state, trial.attempts) for trial in on_disk]

    @property
    def open(self) -> list[Sending]:
        return self.store.open_sendings(self.number)

    @property
    def jobs(self) -> list[str]:
        return [one.job for one in self.store.attempts(self.number)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    file = manifest_of(MANIFEST)
    site = Site(LocalSite(folder=str(tmp_path / "site"), name="here"))
    with Store.to_write(tmp_path / "rounds.db") as store:
        campaign = Campaign(0, "p", "here", str(tmp_path), str(tmp_path / "m"), file.text, "active")
        number = store.add_campaign(campaign, new_trials(file.manifest, {}))
        yield World(tmp_path, site, store, number)


def test_what_was_sent_is_written_down(world: World) -> None:
    world.send()
    assert world.states == [("sent", 1)] * 2
    assert (world.open, world.jobs, world.ends) == ([], ["12_0", "12_1"], [(12, "")])
    assert (world.folder / LOG_FOLDER).stat().st_mode & 0o777 == 0o700
    assert world.site.sent is not None
    assert world.site.sent.array == "0-1"


def test_what_was_refused_waits_for_a_person(world: World) -> None:
    world.site.answer = Refused("Invalid partition name specified")
    world.send()
    assert world.states == [("stuck", 0)] * 2
    assert (world.open, world.jobs) == ([], [])
    assert world.run.campaign.state == "asking"
    assert "Invalid partition name" in world.run.campaign.question


def test_what_cannot_be_a_script_is_not_sent(world: World) -> None:
    shape = world.run.jobs[0].recipe.shape
    world.send(*[Run((), shape, "#!/bin/sh\n#SBATCH --array=1-3\n")] * 2)
    assert world.site.sent is None
    assert world.states == [("stuck", 0)] * 2
    assert "array by itself" in world.run.campaign.question


@pytest.mark.parametrize("answer", [Unreachable("no answer for 20 s"), Killed()])
def test_without_an_answer_it_is_found_by_its_key(world: World, answer: BaseException) -> None:
    world.site.answer = answer
    try:
        world.send()
    except Killed:
        world.start_anew()
    (sending,) = world.open
    assert world.states == [("sent", 1)] * 2
    assert not world.sender.settle(EMPTY, AT + SETTLE_S)
    assert world.site.sent is not None
    job = NO_JOB._replace(job_id=31, array_job_id=31, array_tasks="0-1", name=sending.name,
                          comment=world.site.sent.comment or "")  # fmt: skip
    assert world.sender.settle(QueueIndex([job]), AT + SETTLE_S)
    assert (world.open, world.jobs) == ([], ["31_0", "31_1"])
    assert world.states == [("sent", 1)] * 2


def test_what_never_arrived_is_sent_again_and_costs_no_attempt(world: World) -> None:
    world.site.answer = Unreachable("no answer for 20 s")
    world.send()
    assert not world.sender.settle(EMPTY, AT + SETTLE_S)
    assert world.sender.settle(EMPTY, AT + 2 * SETTLE_S)
    assert (world.open, world.jobs) == ([], [])
    assert world.states == [("pending", 0)] * 2


def test_what_nobody_can_tell_waits_for_a_person(world: World) -> None:
    world.site.answer = Unreachable("no answer for 20 s")
    world.site.accounts = Refused("Slurm accounting storage is disabled")
    world.send()
    world.start_anew()
    assert world.sender.settle(EMPTY, AT + QUEUE_KEEPS_S + 1)
    assert (world.open, world.jobs) == ([], [])
    assert world.states == [("stuck", 0)] * 2
    assert "nobody can tell" in world.run.campaign.question
