"""Where a supervisor may start, and where it refuses to."""

from __future__ import annotations

import time

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.local.owner import Owner, this_machine
from jobshape.app.backends.local.process_tree import MARKER
from jobshape.app.backends.local.store import Store
from jobshape.app.backends.local.supervisor import stop_supervisor
from jobshape.app.domain.errors import BackendError, Unreachable

from .sites import TestSite, until


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


def note(site: TestSite, owner: Owner) -> None:
    store = Store.to_write(site.folder.database)
    with store.transaction():
        store.note("host", owner.host)
        store.note("machine_id", owner.machine_id)
    store.close()


def noted(site: TestSite) -> Owner:
    store = Store.to_read(site.folder.database)
    assert store
    owner = Owner(store.fact("host"), store.fact("machine_id"))
    store.close()
    return owner


def test_the_queue_of_another_machine_is_only_read(site: TestSite) -> None:
    """Two machines may share a home: neither takes up, or ends, the other's jobs."""
    job = site.submit("sleep 60")
    site.wait(job, "RUNNING")
    assert noted(site) == this_machine()
    site.kill_supervisor()
    note(site, Owner("elsewhere", "0" * 32))
    begun = time.monotonic()
    reading = site.backend.queue(Scope.MINE)
    assert [record.state for record in reading.jobs] == ["RUNNING"]
    assert "belongs to the machine elsewhere" in reading.source
    for call in (lambda: site.submit("true"), lambda: site.backend.cancel(job),
                 lambda: stop_supervisor(site.site.folder, kill_jobs=True)):  # fmt: skip
        with pytest.raises(BackendError, match="elsewhere") as caught:
            call()
        assert "local.folder" in caught.value.hint
    assert time.monotonic() - begun < 5 and site.supervisor() is None
    note(site, this_machine())
    site.wait(job, "RUNNING")
    until(site.supervisor, bool)


def test_a_machine_may_be_renamed(site: TestSite) -> None:
    site.wait(site.submit("true"), "COMPLETED")
    site.kill_supervisor()
    here = this_machine()
    note(site, Owner("its-old-name" if here.machine_id else here.host, here.machine_id))
    site.wait(site.submit("true"), "COMPLETED")
    assert noted(site) == here


def test_machines_are_told_apart_by_id_or_else_by_name() -> None:
    one = Owner("one", "1" * 32)
    assert one.is_same(Owner("renamed", "1" * 32))
    assert not one.is_same(Owner("one", "2" * 32))
    assert one.is_same(Owner("one", ""))
    assert not Owner("one", "").is_same(Owner("two", ""))
