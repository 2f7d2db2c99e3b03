"""Plain words, columns and harmless texts."""

import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.board import figures
from jobshape.app.board.columns import COLUMNS, DEFAULT_COLUMNS, clock_text
from jobshape.app.board.words import SHORT_WIDTH, is_known_reason, reason_words, state_words
from jobshape.app.domain.job import NO_JOB, UNLIMITED, Job
from jobshape.app.domain.states import known_states
from jobshape.app.domain.text import sanitize

from .jobs import NOW, job, jobs

REASONS = sorted((Path(__file__).parent / "data").glob("reasons-*.txt"))


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("path", REASONS, ids=lambda path: path.stem)
def test_every_reason_of_a_slurm_has_words(path: Path) -> None:
    """The lists come from the reason tables in libslurm of each version and from its manual."""
    reasons = path.read_text().split()
    assert len(reasons) > 190
    assert [reason for reason in reasons if not is_known_reason(reason)] == []
    for reason in reasons:
        words = reason_words(reason)
        assert 0 < len(words.short) <= SHORT_WIDTH
        assert words.long.endswith(".") and "{" not in "".join(words)


def test_the_lists_are_of_three_slurms() -> None:
    assert [path.stem for path in REASONS] == ["reasons-22.05", "reasons-24.11", "reasons-26.05"]


def test_reasons_with_details_and_unknown_ones() -> None:
    words = reason_words("ReqNodeNotAvail, UnavailableNodes:n[1-2]")
    assert words.short == "a node it needs is not available"
    assert "UnavailableNodes:n[1-2]" in words.long
    assert reason_words("RaisedSignal:9(Killed)").short == "ended by a signal"
    assert reason_words("FromTheFuture") == ("FromTheFuture", "FromTheFuture", "")
    assert reason_words("Prioritylike").short == "Prioritylike"
    assert reason_words("QOSMaxJobsPerUserLimit").short == "your running-jobs limit (QOS)"
    assert reason_words("AssocGrpCPUMinutesLimit").short == "CPU-minutes used up (account)"


def test_every_state_has_words() -> None:
    for state in known_states():
        assert state_words(state).long.endswith("."), state
        assert "Slurm calls it" not in state_words(state).long
    assert state_words("NEWEST").short == "newest"


@given(st.text())
def test_no_control_survives(text: str) -> None:
    clean = sanitize(text)
    assert len(clean) == len(text)
    assert not {unicodedata.category(sign) for sign in clean} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert sanitize(clean) == clean


def test_controls_are_visible() -> None:
    assert sanitize("a\x1b[31m\tb\nc\x7f\x9b\u202e\udcff\u2028") == "a␛[31m␉b␊c␡����"
    assert sanitize("plain é 漢 😀") == "plain é 漢 😀"


@given(st.integers(1, 9).flatmap(jobs), st.sampled_from([0.0, NOW, 1e9]))
def test_every_column_says_something_harmless_of_any_job(one: Job, now: float) -> None:
    for column in COLUMNS.values():
        text = column.text(one, now)
        assert text and text == sanitize(text)
        assert not isinstance(column.sort_value(one, now), tuple)


def test_nothing_known_is_never_zero() -> None:
    for column in COLUMNS.values():
        if column.key not in ("id", "state"):
            text = column.text(NO_JOB._replace(job_id=1, state="RUNNING"), NOW)
            assert "0" not in text and text.strip("-?/") == "", column.key
            value = column.sort_value(NO_JOB._replace(job_id=1, state="RUNNING"), NOW)
            assert value is None, column.key


def text(key: str, one: Job, now: float = NOW) -> str:
    return COLUMNS[key].text(one, now)


def test_column_texts() -> None:
    start = int(NOW) - 4800
    runs = job(1, "RUNNING", start_time=start, time_limit_s=7200, node_list="n1", cpus=0,
               memory_bytes=1536 << 20, array_job_id=1, array_task_id=3)  # fmt: skip
    assert text("time", runs) == "1h20/2h00"
    assert text("left", runs) == "40m"
    assert (text("where", runs), text("cpus", runs), text("memory", runs)) == ("n1", "0", "1.5G")
    assert text("id", runs) == "1_3"
    waits = job(
        2, reason="Priority", start_time=int(NOW) + 3600, time_limit_s=UNLIMITED, priority=0
    )
    assert text("time", waits) == "-/∞"
    assert (text("where", waits), text("priority", waits)) == ("others go first", "held")
    assert text("start", waits) == "~14:46"
    assert text("start", waits, NOW + 4000) == "~now"
    failed = job(3, "FAILED", reason="NonZeroExitCode", node_list="n1", start_time=10, end_time=70,
                 exit_code="1:0")  # fmt: skip
    assert text("where", failed) == "ended with an error"
    assert (text("elapsed", failed), text("exit", failed), text("ended", failed)[-5:]) == (
        "1m", "1:0", "00:01",
    )  # fmt: skip
    assert text("where", failed._replace(reason="")) == "n1"
    assert text("array", job(4, array_job_id=4, array_tasks="1-500%20")) == "500"


def test_clock_texts() -> None:
    assert clock_text(NOW + 60, NOW) == "13:47"
    assert clock_text(NOW - 86400, NOW) == "Sun 13:46"
    assert clock_text(NOW + 30 * 86400, NOW) == "02-11 13:46"
    assert clock_text(NOW + 400 * 86400, NOW) == "1971-02-16"


def test_default_columns_fit_their_names() -> None:
    assert set(DEFAULT_COLUMNS) <= set(COLUMNS)
    for column in COLUMNS.values():
        assert column.min_width <= column.width
        assert len(column.short) <= column.width
        assert column.help.endswith(".")


def test_figures_that_cannot_be_known() -> None:
    waits = job(1, submit_time=int(NOW) - 100)
    assert figures.elapsed_s(waits, NOW) is None
    assert figures.left_s(waits, NOW) is None
    assert figures.wait_s(waits, NOW) == figures.age_s(waits, NOW) == 100
    later = waits._replace(eligible_time=int(NOW) + 50)
    assert figures.wait_s(later, NOW) == 0
    ran = job(1, "COMPLETED", submit_time=10, start_time=30, end_time=90)
    assert (figures.wait_s(ran, NOW), figures.elapsed_s(ran, NOW)) == (20, 60)
    assert figures.elapsed_s(ran._replace(end_time=None), NOW) is None
    runs = job(1, "RUNNING", start_time=int(NOW) - 10, time_limit_s=5)
    assert figures.left_s(runs, NOW) == 0
    assert figures.left_s(runs._replace(time_limit_s=UNLIMITED), NOW) == UNLIMITED


def test_a_job_whose_nodes_are_only_cleaned_up_runs_no_more() -> None:
    """squeue stops its clock, too: a node that hangs there may do so for days."""
    ending = job(1, "COMPLETING", start_time=30, end_time=90, time_limit_s=600)
    assert (figures.elapsed_s(ending, NOW), figures.left_s(ending, NOW)) == (60, None)
    assert figures.left_s(job(1, "RUNNING"), NOW) is None


@pytest.mark.parametrize("at", [-1, 1 << 40, 1 << 62])
def test_a_time_that_no_calendar_has_is_missing(at: int) -> None:
    odd = job(1, state="FAILED", start_time=at, end_time=at, submit_time=at)
    assert [text(key, odd) for key in ("start", "ended", "submitted")] == ["-", "-", "-"]
