"""Looks into jobs: logs of this machine, logs that only the site sees, and none at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobshape.app.backends.base import Backend
from jobshape.app.collector.diagnosing import fields_of, look_into
from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.job import NO_JOB, UNLIMITED, AccountedJob, Job, LogPaths
from jobshape.app.domain.log_part import FOUND, LogPart
from jobshape.app.logs.source import read_file

MISSING_MODULE = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'x'\n"
NOW = 1_700_000_000


class Site:
    """Tells where jobs log, and reads it: from this machine, or as a machine far away would."""

    def __init__(self, path: str = "", *, far: bytes | None = None) -> None:
        self.paths = LogPaths(path, path, "")
        self.far = far
        self.peak: int | None = None
        self.asked: list[str] = []

    def log_paths(self, job: str) -> LogPaths:
        self.asked.append(job)
        if not self.paths.stdout:
            raise BadRequest("no such job")
        return self.paths

    def read_log(self, path: str, offset: int, size: int, *, on_node_of: str = "") -> LogPart:
        if self.far is None:
            return read_file(path, offset, size)
        start = max(0, len(self.far) + offset) if offset < 0 else offset
        data = self.far[start : start + size]
        return LogPart(FOUND, "", start, data, len(self.far), 1.0, "far:1")

    def accounting(self, *_: Any, **__: Any) -> list[AccountedJob]:
        return [AccountedJob(failed(), 10, 1.0, self.peak, "")]


def failed(**more: object) -> Job:
    known: dict[str, object] = {
        "job_id": 7, "state": "FAILED", "exit_code": "1:0", "reason": "NonZeroExitCode",
        "start_time": NOW, "end_time": NOW + 90, "time_limit_s": 600, "memory_bytes": 1 << 30,
        "submit_time": NOW,
    }  # fmt: skip
    return NO_JOB._replace(**{**known, **more})


def labels(site: Site, *jobs: Job, **more: Any) -> list[str]:
    backend: Backend = site  # type: ignore[assignment]
    return [findings[0].label for findings in look_into(backend, jobs, **more)]


def test_fields_are_slurms_own() -> None:
    assert fields_of(failed()) == {
        "State": "FAILED", "ExitCode": "1:0", "Reason": "NonZeroExitCode", "ReqMem": "1048576K",
        "Timelimit": "00:10:00", "Elapsed": "00:01:30",
    }  # fmt: skip
    assert "Timelimit" not in fields_of(failed(time_limit_s=UNLIMITED))
    assert "Elapsed" not in fields_of(failed(end_time=None))


def test_a_log_of_this_machine(tmp_path: Path) -> None:
    log = tmp_path / "out"
    log.write_text("hello\n" * 10 + MISSING_MODULE)
    site = Site(str(log))
    assert labels(site, failed()) == ["missing_package"]


def test_a_log_that_only_the_site_sees() -> None:
    long = b"step 1 loss 0.5\n" * 60_000 + MISSING_MODULE.encode()
    assert labels(Site("/far/out", far=MISSING_MODULE.encode()), failed()) == ["missing_package"]
    assert labels(Site("/far/out", far=long), failed()) == ["missing_package"]


def test_a_log_that_is_not_there_is_said(tmp_path: Path) -> None:
    site = Site(str(tmp_path / "none"))
    backend: Backend = site  # type: ignore[assignment]
    (findings,) = look_into(backend, [failed()])
    assert findings[0].label == "unknown"
    assert any("is not there" in one.text for one in findings[0].evidence)
    (findings,) = look_into(Site(), [failed()])  # type: ignore[arg-type]
    assert any("not known" in one.text for one in findings[0].evidence)


def test_a_waiting_job_has_no_log() -> None:
    site = Site("/x")
    waiting = failed(state="PENDING", exit_code="", reason="DependencyNeverSatisfied")
    assert labels(site, waiting) == ["pending_dependency"]
    assert site.asked == []


def test_a_kill_near_the_memory_limit_is_told_from_others(tmp_path: Path) -> None:
    log = tmp_path / "out"
    log.write_text("working\n")
    site = Site(str(log))
    assert labels(site, failed(exit_code="0:9")) == ["signal_kill"]
    site.peak = (1 << 30) - (1 << 20)
    assert labels(site, failed(exit_code="0:9")) == ["oom_host"]


def test_a_wrong_rule_of_ones_own_is_told_and_ours_go_on(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[[rule]]\nname = 3\n")
    log = tmp_path / "out"
    log.write_text(MISSING_MODULE)
    backend: Backend = Site(str(log))  # type: ignore[assignment]
    (findings,) = look_into(backend, [failed()], [str(rules)])
    assert findings[0].label == "missing_package"
    assert "rules are wrong" in findings[-1].title


def test_what_healthy_logs_say_too_is_not_telling(tmp_path: Path) -> None:
    kinds = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota")
    usual = [f"error: could not read thermometer {kind}\n" for kind in kinds]
    odd = "the flux left its corridor\n"
    for name, lines in (("well", usual), ("failed", [*usual[:4], odd, *usual[4:]])):
        (tmp_path / name).write_text("".join(lines))

    class Both(Site):
        def log_paths(self, job: str) -> LogPaths:
            path = str(tmp_path / ("well" if job == "3" else "failed"))
            return LogPaths(path, path, "")

    backend: Backend = Both()  # type: ignore[assignment]
    well = failed(job_id=3, state="COMPLETED", exit_code="0:0", name="train-3")
    other = well._replace(name="another")
    bad = failed(name="train-7")
    (findings,) = look_into(backend, [bad], (), [other, well])
    assert findings[0].label == "unknown"
    shown = [one.text for one in findings[0].evidence if one.source == "stdout"]
    assert odd.strip() in shown
    (without,) = look_into(backend, [bad])
    assert odd.strip() not in [one.text for one in without[0].evidence]
