"""What a reading sends: only what changed."""

from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.backends.base import ControllerCost, QueueReading, Scope
from jobshape.app.collector.reading import (
    LONG_QUEUE,
    changed_jobs,
    read_accounting,
    read_queue,
    slices,
)
from jobshape.app.collector.wire import Frame
from jobshape.app.domain.errors import NotSupported
from jobshape.app.domain.job import NO_JOB, AccountedJob, Job

states = st.sampled_from(["PENDING", "RUNNING", "COMPLETED"])
queues = st.dictionaries(st.integers(1, 30), states)


def jobs_of(queue: dict[int, str]) -> list[Job]:
    return [NO_JOB._replace(job_id=i, state=state) for i, state in queue.items()]


@given(st.lists(queues, max_size=6))
def test_changes_applied_one_after_the_other_give_the_last_queue(
    readings: list[dict[int, str]],
) -> None:
    shown: dict[int, Job] = {}
    marks: dict[int, int] = {}
    for queue in readings:
        changed, gone = changed_jobs(jobs_of(queue), marks)
        for job, mark in changed:
            assert shown.get(job.job_id) != job, "sent again without a change"
            shown[job.job_id], marks[job.job_id] = job, mark
        for job_id in gone:
            del shown[job_id], marks[job_id]
        assert {i: job.state for i, job in shown.items()} == queue


def test_each_field_of_a_job_counts() -> None:
    job = NO_JOB._replace(job_id=1)
    for field in Job._fields[1:]:
        other = job._replace(**{field: "something else"})
        assert changed_jobs([other], {1: hash(job)})[0], field


def test_the_first_slice_is_small_and_nothing_is_lost() -> None:
    items = list(range(2345))
    parts = list(slices(items))
    assert [len(part) for part in parts] == [100, 1000, 1000, 245]
    assert [item for part in parts for item in part] == items
    assert list(slices([])) == []


class Counting:
    """A backend whose controller counts what it does: 80 ms for our reading of the queue."""

    def __init__(self, others: int = 0, *, tells: bool = True) -> None:
        self.calls: dict[str, int] = {}
        self.counted = {"REQUEST_JOB_INFO": (10, 5000.0), "REQUEST_PING": (3, 0.3)}
        self._others, self._tells = others, tells

    def queue(self, scope: Scope, first: object = None) -> QueueReading:
        self.calls = {"REQUEST_JOB_INFO": self.calls.get("REQUEST_JOB_INFO", 0) + 1}
        calls, ms = self.counted["REQUEST_JOB_INFO"]
        more = 1 + self._others
        self.counted["REQUEST_JOB_INFO"] = (calls + more, ms + more * 80.0)
        return QueueReading([NO_JOB])

    def controller_cost(self) -> ControllerCost:
        if not self._tells:
            raise NotSupported("private")
        return ControllerCost(dict(self.counted))


def price(backend: Counting, known: int) -> float | None:
    marks = dict.fromkeys(range(known), 0)
    head = read_queue(Scope.ALL, marks, lambda job: "", backend, lambda frame: None)  # type: ignore[arg-type]
    return head["controller_ms"]  # type: ignore[no-any-return]


def test_a_long_queue_is_priced_by_the_controllers_own_count() -> None:
    assert price(Counting(), LONG_QUEUE + 1) == 80.0
    assert price(Counting(others=3), LONG_QUEUE + 1) == 80.0
    assert price(Counting(), LONG_QUEUE) is None
    assert price(Counting(tells=False), LONG_QUEUE + 1) is None


def test_a_controller_that_began_anew_tells_nothing() -> None:
    old = ControllerCost({"A": (10, 50.0), "B": (1, 1.0)})
    new = ControllerCost({"A": (2, 3.0), "B": (3, 5.0)})
    assert new.since(old).spent == {"B": (2, 4.0)}
    assert new.since(old).per_call_ms == {"B": 2.0}


class Streaming(Counting):
    """A backend that hands on its newest jobs before it has read all."""

    def queue(self, scope: Scope, first: object = None) -> QueueReading:
        jobs = jobs_of(dict.fromkeys(range(1, 301), "PENDING"))
        if callable(first):
            first(jobs[-2:])
        return QueueReading(jobs)


def test_the_first_jobs_are_sent_at_once_and_only_once() -> None:
    frames: list[Frame] = []
    head = read_queue(Scope.ALL, {}, lambda job: "", Streaming(), frames.append)  # type: ignore[arg-type]
    assert frames[0].head["ids"] == [299, 300]
    sent = [job_id for frame in frames for job_id in frame.head["ids"]]
    assert sorted(sent) == list(range(1, 301))
    assert (head["changed"], head["jobs"], head["gone"]) == (300, 300, [])

    later: list[Frame] = []
    marks = {i: hash(job) for i, job in enumerate(Streaming().queue(Scope.ALL).jobs, 1)}
    head = read_queue(Scope.ALL, marks, lambda job: "", Streaming(), later.append)  # type: ignore[arg-type]
    assert (later, head["changed"]) == ([], 0)


class Kept:
    """A backend with an accounting that notes what it is asked for."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.asked: dict[str, object] = {}

    def accounting(self, scope: Scope, since: int, **asked: object) -> list[AccountedJob]:
        self.asked = asked
        done = NO_JOB._replace(job_id=1, state="COMPLETED", end_time=since + 5)
        return [AccountedJob(done, 5, 1.0, None, "0:0")]


def test_of_accounting_only_what_ended_is_read() -> None:
    """What waits is in the queue's own answer; sacct takes 66 MB for 20,000 such jobs."""
    backend, frames = Kept(), list[Frame]()
    read_accounting(Scope.MINE, 100, (), 50, lambda job: "", backend, frames.append)  # type: ignore[arg-type]
    assert backend.asked["ended"] is True
    assert [frame.head["ids"] for frame in frames] == [[1]]


class Long:
    """A backend with a long queue, every second job of it alice's."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}

    def queue(self, scope: Scope, first: object = None) -> QueueReading:
        users = ("alice", "bob")
        jobs = [NO_JOB._replace(job_id=i, state="PENDING", user=users[i % 2]) for i in range(6000)]
        return QueueReading(jobs, (), "test")


def test_the_records_of_this_user_go_over_in_slices() -> None:
    """One frame of all of them stays with the collector: 15 MB at 20,000 jobs."""
    frames = list[Frame]()
    read_queue(
        Scope.ALL, {}, lambda job: "", Long(), frames.append, user="alice", with_own=True  # type: ignore[arg-type]
    )  # fmt: skip
    own = [frame.head["ids"] for frame in frames if frame.kind == "own"]
    assert [job_id for ids in own for job_id in ids] == list(range(0, 6000, 2))
    assert max(map(len, own)) <= 1000
