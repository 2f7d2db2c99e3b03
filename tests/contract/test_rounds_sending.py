"""What a campaign sends runs its words, and is found by its key once its id is forgotten."""

from __future__ import annotations

import time
from dataclasses import replace

from jobshape.app.backends.base import Scope
from jobshape.app.domain.shape import JobShape
from jobshape.app.rounds.array_script import (
    LOG_FOLDER,
    Run,
    comment_of,
    job_name,
    new_key,
    submission,
)
from jobshape.app.rounds.campaign import Sending
from jobshape.app.rounds.observing import QueueIndex
from jobshape.app.rounds.settling import SETTLE_S, Search

from .conftest import Site

SHAPE = JobShape(memory_bytes=60 << 20, time_limit_s=300)
STAGE = '#!/bin/bash\n#SBATCH --nice=1\nprintf "<%s>" "$SLURM_ARRAY_TASK_ID" "$@"\n'
HARD = "a 'b' \"$HOME\" `c` \\ \r\n é"


def sent(site: Site, *runs: Run) -> tuple[str, Sending]:
    key, now = new_key(), int(time.time())
    name = job_name("p", "f", key)
    (site.folder / LOG_FOLDER).mkdir(mode=0o700)
    request = submission(
        runs, name=name, comment=comment_of("p", "s", key), folder=str(site.folder), at_once=1
    )
    job = site.adopt(str(site.backend.submit(request)))
    return job, Sending(1, 1, 0, key, name, now, "sending")


def found(site: Site, sending: Sending) -> tuple[object, object]:
    """As the queue has it, and as accounting alone does."""
    queue = QueueIndex(site.backend.queue(Scope.MINE).jobs)
    now = sending.at + SETTLE_S
    search = Search(site.backend)
    return search.look(sending, queue, now), search.look(sending, QueueIndex(()), now)


def test_an_array_is_found_and_runs_every_word(site: Site) -> None:
    job, sending = sent(site, Run((HARD, ""), SHAPE, STAGE), Run(("x",), SHAPE, STAGE))
    site.until(lambda: found(site, sending), lambda ids: ids == (int(job), int(job)))
    for task, wanted in enumerate((f"<0><{HARD}><>", "<1><x>")):
        site.wait(f"{job}_{task}", "COMPLETED")
        log = site.folder / LOG_FOLDER / f"{sending.name}-{job}_{task}.log"
        site.until(lambda log=log: log.read_bytes(), lambda text, w=wanted: text == w.encode())
    assert found(site, sending) == (int(job), int(job))


def test_a_single_job_is_found_and_another_key_is_not(site: Site) -> None:
    job, sending = sent(site, Run(("printf", "%s", HARD), SHAPE))
    site.until(lambda: found(site, sending), lambda ids: ids == (int(job), int(job)))
    site.wait(job, "COMPLETED")
    log = site.folder / LOG_FOLDER / f"{sending.name}-{job}.log"
    site.until(log.read_bytes, lambda text: text == HARD.encode())
    queue = QueueIndex(site.backend.queue(Scope.MINE).jobs)
    key = new_key()
    other, search = replace(sending, key=key, name=job_name("p", "f", key)), Search(site.backend)
    search.look(other, queue, sending.at + SETTLE_S)
    assert search.look(other, queue, sending.at + 2 * SETTLE_S) is None
