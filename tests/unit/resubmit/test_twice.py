"""Nothing is sent twice: what the queue and history say of a job that was sent again."""

from __future__ import annotations

from jobshape.app.domain.resubmission import Correction
from jobshape.app.domain.shape import JobShape
from jobshape.app.resubmit.script import _scaled
from jobshape.app.resubmit.sent import QueueStates

from .made import job, task

GIB = 1 << 30


def test_the_state_of_an_array_is_not_that_of_its_tasks() -> None:
    last = task(200, 10, "FAILED")._replace(job_id=200)  # the last task keeps the array's id
    queue = QueueStates([last, job(300, "COMPLETED")])
    assert queue.state(200, 10) == "FAILED"
    assert queue.state(200, 3) == ""
    assert queue.plain_state(200) == ""
    assert queue.plain_state(300) == "COMPLETED"


def test_memory_for_a_cpu_stays_memory_for_a_cpu() -> None:
    script = "#!/bin/sh\n#SBATCH --ntasks=8\n#SBATCH --mem-per-cpu=4G # each\n"
    more = (Correction("memory_bytes", 16 * GIB, 20 * GIB, "out of memory"),)
    text, scaled = _scaled(script, more)
    assert scaled and "--mem-per-cpu=5120M # each" in text
    assert _scaled(script.replace("-per-cpu", ""), more)[1] is False
    assert _scaled(script, ()) == (script, False)
    assert JobShape().memory_bytes is None
