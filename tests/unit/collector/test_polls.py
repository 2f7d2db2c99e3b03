"""What the readings ask for, and when."""

from collections.abc import Iterator

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.collector.cadence import Cadence, Cost
from jobshape.app.collector.forked import ForkedCall
from jobshape.app.collector.known import KnownJobs
from jobshape.app.collector.polls import NEVER, PulsePoll, QueuePoll
from jobshape.app.domain.stage_rules import StageRules


@pytest.fixture
def call() -> Iterator[ForkedCall]:
    running = ForkedCall("queue", lambda emit: {}, 10.0, subprocesses=False)
    yield running
    running.kill_group()
    running.finish()


def test_the_pulse_waits_while_the_queue_is_read(call: ForkedCall) -> None:
    """Both at once hold two answers of the controller: 25 MB more at 20,000 jobs."""
    queue = QueuePoll(Cadence(), Scope.ALL, StageRules([]), KnownJobs(), 0.0)
    queue.cadence.cost = Cost(controller_ms=100.0, cpu_s=0.6, jobs=20_000)
    pulse = PulsePoll(queue, Cadence(8.0, 15.0))
    assert pulse.work() is not None
    queue.running = call
    assert pulse.work() is None
    pulse.pass_over()
    assert pulse.next_at == NEVER
    queue.running = None
    pulse.arm(100.0)
    assert pulse.next_at == 108.0
    assert pulse.work() is not None
