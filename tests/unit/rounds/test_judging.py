"""Metrics, and the gate after a smoke; patterns in logs that would take for ever."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.rounds import log_values
from jobshape.app.rounds.campaign import GateLine
from jobshape.app.rounds.expanding import expand
from jobshape.app.rounds.figures import read_metrics
from jobshape.app.rounds.judging import judge_smoke
from jobshape.app.rounds.log_values import InLog, find_last
from jobshape.app.rounds.manifest import Smoke
from jobshape.app.rounds.manifest_checks import Metric, OutputCheck
from jobshape.app.rounds.reading import ManifestError

from tests.unit.rounds.making import small

SUBMITTED = 1_750_000_000.0
LOG = "step 1 loss=3.5 8 it/s\nstep 2 loss=2.5\rstep 3 loss=1.5 12.5 it/s\nlost=nan\n"


def metric(name: str, **source: str) -> Metric:
    return Metric.model_validate({"name": name, "goal": "min", **source})


def put(path: Path, text: str, at: float = SUBMITTED + 60) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


def test_the_last_in_the_log_wins(tmp_path: Path) -> None:
    put(tmp_path / "m.json", '{"eval": [0.25], "bad": NaN, "text": "1", "on": true}')
    asked = [
        metric("loss", log=r"loss=(\S+)"), metric("eval", file="m.json", path="eval.0"),
        metric("lost", log=r"lost=(\S+)"), metric("gone", log="gone=(.*)"),
        metric("step", log=r"^step (\d)"), metric("none", file="none.json", path="x"),
        metric("bad", file="m.json", path="bad"), metric("way", file="m.json", path="eval.1"),
        metric("text", file="m.json", path="text"), metric("on", file="m.json", path="on"),
    ]  # fmt: skip
    values, wrong = read_metrics(asked, tmp_path, LOG)
    assert values == {"loss": 1.5, "eval": 0.25, "step": 3.0}
    assert wrong == (
        'lost: the log says "nan", no finite number', "gone: is not in the log",
        "none: none.json is not there", "bad: m.json: bad is NaN, no finite number",
        "way: m.json has no eval.1", 'text: m.json: text is "1", no finite number',
        "on: m.json: on is true, no finite number",
    )  # fmt: skip


def test_a_file_of_an_earlier_run_is_none(tmp_path: Path) -> None:
    put(tmp_path / "m.json", '{"loss": 1}', at=SUBMITTED - 60)
    asked = [metric("loss", file="m.json", path="loss")]
    assert read_metrics(asked, tmp_path, "")[0] == {"loss": 1.0}
    values, (line,) = read_metrics(asked, tmp_path, "", since=SUBMITTED)
    assert values == {}
    assert line.startswith("loss: m.json was written 2025-06-15 15:05:40, the job submitted")


def test_only_the_end_of_a_log_is_looked_at(tmp_path: Path) -> None:
    log = "first=1\n" + "x" * 99 + "\n" + ("y" * 99 + "\n") * 11_000 + "last=2\n"
    values, wrong = read_metrics(
        [metric("first", log="first=(.)"), metric("last", log="last=(.)")], tmp_path, log
    )
    assert values == {"last": 2.0}
    assert wrong == ("first: is not in the last MiB of the log",)


def test_a_pattern_that_takes_for_ever_costs_only_itself() -> None:
    log = "loss=1\n" + "a" * 5000 + "b\n"
    began = time.monotonic()
    never, loss = find_last(["(a+)+$", r"loss=(\d)"], log, patience_s=0.1)
    assert never == InLog(None, "the pattern needs more than 0.1 s: make it simpler")
    assert loss == InLog("1")
    assert time.monotonic() - began < 25


def test_a_search_that_does_not_end_at_all_is_ended() -> None:
    began = time.monotonic()
    (answer,) = find_last(["(a+)+$"], "a" * 5000 + "b", patience_s=600, longest_s=0.5)
    assert answer == InLog(None, "the patterns needed more than 0.5 s")
    assert time.monotonic() - began < 25


def test_patterns_and_logs_of_every_kind() -> None:
    log = "\x1b[1mloss=\x1b[0m7\nodd \udcff \ud800=3\n" + "z" * 90_000 + "far=1\na=1 a=2 b\n"
    patterns = ["loss=(.)", "(?:x|odd)(.)", "far=(.)", "a=(.)", "a=(3)?", "b(", "(b)(?=\udcff)?"]
    found = find_last(patterns, log)
    assert [one.text for one in found] == ["7", " ", "1", "2", None, None, "b"]
    assert found[5].trouble.startswith("the pattern cannot be used: missing )")
    assert find_last(patterns, "") == [InLog(None)] * 7


def test_a_search_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_values.sys, "executable", "/nowhere/python")
    (answer,) = find_last(["(a)"], "a")
    assert answer.trouble.startswith("the log could not be searched: ")


def judged(folder: Path, *, state: str = "COMPLETED", check: Any = None, log: str = LOG,
           metrics: list[Metric] | None = None, **smoke: Any) -> tuple[GateLine, ...]:  # fmt: skip
    return judge_smoke(
        Smoke.model_validate(smoke), check and OutputCheck.model_validate(check), metrics or [],
        state=state, folder=folder, submitted_at=SUBMITTED, log=log,
    )  # fmt: skip


def test_only_what_is_asked_for_stands_in_the_gate(tmp_path: Path) -> None:
    assert judged(tmp_path) == (GateLine("exit 0", True),)
    assert judged(tmp_path, state="OUT_OF_MEMORY") == (
        GateLine("exit 0", False, "ended OUT_OF_MEMORY"),
    )
    assert judged(tmp_path, state="")[0].holds is None


def test_a_whole_gate_before_and_after_the_work(tmp_path: Path) -> None:
    def gate() -> tuple[GateLine, ...]:
        return judged(
            tmp_path, check={"file": "m.json"}, checkpoint="*.ckpt",
            metrics=[metric("loss", file="m.json", path="loss"), metric("end", log="lost=(.)x")],
            throughput={"log": "([0-9.]+) it/s", "at_least": "5", "at_most": "20"},
        )  # fmt: skip

    assert gate() == (
        GateLine("exit 0", True),
        GateLine("output check", False, "m.json: is not there"),
        GateLine("finite metrics", False, "loss: m.json is not there; end: is not in the log"),
        GateLine("checkpoint written", False, "*.ckpt: no file fits"),
        GateLine("throughput in band", True),
    )
    put(tmp_path / "m.json", '{"loss": 1}')
    put(tmp_path / "a.ckpt", "x", at=SUBMITTED - 3600)
    assert [line.holds for line in gate()] == [True, True, False, False, True]
    put(tmp_path / "b.ckpt", "x")
    assert [line.holds for line in gate()] == [True, True, False, True, True]


@pytest.mark.parametrize(
    ("band", "missing"),
    [
        ({"at_least": "12.5"}, ""),
        ({"at_most": "12.5"}, ""),
        ({"at_least": "13"}, "is 12.5, should be at least 13"),
        ({"at_most": "12"}, "is 12.5, should be at most 12"),
    ],
)
def test_throughput(tmp_path: Path, band: dict[str, str], missing: str) -> None:
    line = judged(tmp_path, throughput={"log": "([0-9.]+) it/s", **band})[-1]
    assert line == GateLine("throughput in band", not missing, missing)


def test_a_smoke_may_have_an_output_check_of_its_own(tmp_path: Path) -> None:
    put(tmp_path / "short", "x")
    lines = judged(tmp_path, check={"file": "long"}, output_check={"file": "short"})
    assert lines[1] == GateLine("output check", True)


def test_what_a_smoke_asks_for_is_filled_in(tmp_path: Path) -> None:
    manifest = small(
        "  - {name: a, jobs: [{id: j}]}",
        rest="smoke: {checkpoint: 'o/${id}/*', output_check: {file: 'o/${id}/x'},"
        " throughput: {file: 'o/${id}/x', path: n, at_least: 1}}",
    ).manifest
    (job,) = expand(manifest)
    put(tmp_path / "o" / "j" / "x", '{"n": 1}')
    smoke = job.filled(manifest.smoke_of("s"))
    lines = judge_smoke(smoke, None, (), state="COMPLETED", folder=tmp_path,
                        submitted_at=SUBMITTED, log="")  # fmt: skip
    assert [line.holds for line in lines] == [True] * 4


def test_a_metric_belongs_to_a_stage_that_is_there() -> None:
    text = "  - {name: a, jobs: [{id: j}]}"
    rest = "metrics: [{name: m, log: '(x)', goal: min, stage: %s}]"
    assert small(text, rest=rest % "s").manifest.metrics[0].stage == "s"
    with pytest.raises(ManifestError, match="'t' is no stage of this manifest"):
        small(text, rest=rest % "t")


@pytest.mark.parametrize(
    ("smoke", "what"),
    [
        ("{throughput: {log: '(x)'}}", "smoke.throughput: has no band"),
        ("{throughput: {log: '(x)', at_least: 2, at_most: 1}}", "has `at_least` above `at_most`"),
        ("{throughput: {log: x, at_least: 2}}", "needs a group"),
        ("{throughput: {file: x, at_least: 2}}", "`file` and `path` belong together"),
        ("{throughput: {at_least: 2}}", "needs exactly one of `file`, `log`"),
        ("{throughput: {log: '(${n})', at_least: 2}}", "smoke.throughput.log: ${n} refers to"),
        ("{checkpoint: 'o/${n}'}", "smoke.checkpoint: ${n} refers to nothing"),
        ("{output_check: {file: 'o/${n}'}}", "smoke.output_check.file: ${n} refers to nothing"),
        ("{chekpoint: x}", "did you mean `checkpoint`?"),
        ("{throughput: {log: '(x)', at_leat: 2}}", "did you mean `at_least`?"),
    ],
)
def test_what_is_wrong_with_a_smoke_is_told(smoke: str, what: str) -> None:
    with pytest.raises(ManifestError) as caught:
        small("  - {name: a, jobs: [{id: j}]}", rest=f"smoke: {smoke}")
    assert what in "\n".join(map(str, caught.value.problems))
