"""Where a supervisor may start, and where it refuses to."""

from __future__ import annotations

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.local.process_tree import MARKER
from jobshape.app.domain.errors import Unreachable

from .sites import TestSite


def test_none_starts_inside_of_a_job(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end with that job, and be counted to it."""
    monkeypatch.setenv(MARKER, "site_1_1")
    with pytest.raises(Unreachable, match="no local supervisor runs") as caught:
        site.submit("true")
    assert "outside of the job" in caught.value.hint
    monkeypatch.delenv(MARKER)
    job = site.submit("sleep 1; echo ran >> ran")
    site.wait(job, "RUNNING")
    monkeypatch.setenv(MARKER, "site_1_1")
    second = site.submit("true")  # one that runs is asked from anywhere
    site.kill_supervisor()
    reading = site.backend.queue(Scope.MINE)
    assert [str(record.job_id) for record in reading.jobs] == [job, second]
    assert "inside a job" in reading.source
    assert site.supervisor() is None
    monkeypatch.delenv(MARKER)
    site.wait(second, "COMPLETED")
    site.wait(job, "COMPLETED")
    assert (site.work / "ran").read_text() == "ran\n"
