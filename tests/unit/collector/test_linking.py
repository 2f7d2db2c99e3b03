"""The words of the footer and the banner."""

from typing import Any

import pytest
from jobshape.app.collector.linking import LinkState


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def status(at: float, error: list[str] | None = None, took_s: float = 0.1) -> dict[str, Any]:
    return {
        "scope": "mine", "cadence_s": 2.0, "unmoved_at": 0.0, "next_at": at + 2, "jobs": 3,
        "finished": 1, "unread": 0,
        "unread_sample": "", "source": "squeue", "calls_per_minute": 30.0, "cpu": 0.01,
        "controller_ms_per_minute": 20.0, "notes": [],
        "answer": {"at": at, "took_s": took_s, "error": error},
    }  # fmt: skip


def answered(at: float = 1000.0, took_s: float = 0.1) -> LinkState:
    state = LinkState("mine")
    state.polling(at - took_s, at - took_s)
    state.reported(status(at, took_s=took_s), at)
    return state


def test_before_the_first_answer() -> None:
    state = LinkState("all")
    state.polling(1000.0, 1000.0)
    assert (state.link.phase, state.link.scope) == ("starting", "all")
    assert state.tick(1001.0).message == "waiting for the first answer"
    assert state.tick(1007.0).message == "no answer from slurmctld for 7 s"


def test_live_says_nothing() -> None:
    link = answered().link
    assert (link.phase, link.message, link.stale) == ("live", "", False)
    assert link.last_answer_at == 1000.0


def test_late_counts_the_seconds_and_names_the_last_data() -> None:
    state = answered()
    state.polling(1002.0, 1002.0)
    assert state.tick(1004.0).phase == "live"
    link = state.tick(1014.0)
    assert link.phase == "late"
    assert link.message == "no answer from slurmctld for 12 s, last data 00:16:40"


def test_a_site_that_always_takes_long_is_not_late_so_soon() -> None:
    state = answered(took_s=4.0)
    state.polling(1002.0, 1002.0)
    assert state.tick(1010.0).phase == "live"
    assert state.tick(1015.0).phase == "late"


def test_failing_counts_from_the_first_reading_without_an_answer() -> None:
    state = answered()
    error = ["Unreachable", "Connection refused", "squeue", "it is tried again"]
    for asked_at in (1002.0, 1005.0):
        state.polling(asked_at, asked_at)
        state.reported(status(asked_at + 1, error), asked_at + 1)
    link = state.tick(1012.0)
    assert link.phase == "failing"
    assert link.message == "no answer from slurmctld for 10 s, last data 00:16:40, trying again"
    assert link.hint == "squeue: Connection refused; it is tried again"
    state.polling(1013.0, 1013.0)
    state.reported(status(1014.0), 1014.0)
    assert (state.link.phase, state.link.message, state.link.hint) == ("live", "", "")


def test_another_error_is_told_in_the_sites_own_words() -> None:
    state = answered()
    state.polling(1002.0, 1002.0)
    state.reported(status(1003.0, ["Refused", "Access denied", "slurmctld", "ask"]), 1003.0)
    assert state.link.message == "slurmctld: Access denied, last data 00:16:40"
    assert state.link.hint == "ask"


def test_dead_stays_dead_until_a_new_one_answers() -> None:
    state = answered()
    state.died("killed by SIGKILL", "last words", 4.0, 1010.0)
    assert state.tick(1012.0).phase == "dead"
    assert state.link.message == (
        "the collector ended (killed by SIGKILL), last data 00:16:40, starting it again in 4 s"
    )
    assert state.link.hint == "last words"
    state.restarted(1014.0)
    assert state.tick(1014.5).phase == "late"
    state.polling(1015.0, 1015.0)
    state.reported(status(1016.0), 1016.0)
    assert state.link.phase == "live"


def test_another_scope_begins_without_figures_but_knows_the_site() -> None:
    state = answered()
    state.capable(
        {"backend": "pyslurm", "source": "s", "cluster": "c", "scheduler_version": "v", "user": "u",
         "accounts": ["a"], "features": {"usage": {"available": False, "detail": "", "hint": "h"}}}
    )  # fmt: skip
    state.rescoped("all")
    link = state.link
    assert (link.phase, link.jobs, link.last_answer_at) == ("starting", None, None)
    assert (link.scope, link.cluster, link.accounts) == ("all", "c", ("a",))
    feature = link.feature("usage")
    assert feature
    assert feature.hint == "h"
    assert link.feature("script") is None


def test_this_machine_is_not_taken_for_slurm_while_it_has_not_answered() -> None:
    state = LinkState("mine", local={"name": "demo"})
    state.polling(1000.0, 1000.0)
    assert state.tick(1007.0).message == "no answer from the site for 7 s"
    assert (state.link.is_local, state.link.cluster) == (True, "demo")
