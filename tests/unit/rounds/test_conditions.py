"""Output checks and preconditions, on real files and with real commands."""

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.rounds import conditions
from jobshape.app.rounds.commanding import Ended
from jobshape.app.rounds.conditions import (
    check_checkpoint,
    check_output,
    check_preconditions,
    looks_done,
)
from jobshape.app.rounds.expanding import expand
from jobshape.app.rounds.manifest_checks import OutputCheck, Precondition

from tests.unit.rounds.making import small

SUBMITTED = 1_750_000_000.0


def put(path: Path, text: str = "x", at: float = SUBMITTED + 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def wrong(folder: Path, **asked: Any) -> tuple[str, ...]:
    return check_output(OutputCheck.model_validate(asked), folder, SUBMITTED)


def never(words: Sequence[str], folder: Path) -> Ended:
    raise AssertionError(f"{words} ran")


def test_a_file_is_there_not_empty_and_newer(tmp_path: Path) -> None:
    put(tmp_path / "good")
    put(tmp_path / "just", at=SUBMITTED - 0.9)
    put(tmp_path / "empty", "")
    put(tmp_path / "old", at=SUBMITTED - 2)
    said = {name: wrong(tmp_path, file=name) for name in ("good", "just", "empty", "old", "none")}
    assert said == {
        "good": (), "just": (), "empty": ("empty: is empty",), "none": ("none: is not there",),
        "old": ("old: was written 2025-06-15 15:06:38, the job submitted 2025-06-15 15:06:40",),
    }  # fmt: skip
    assert wrong(tmp_path, file="empty", not_empty="false") == ()
    assert wrong(tmp_path, file="old", newer="false") == ()
    assert wrong(tmp_path / "nowhere", file="good") == ("good: is not there",)


def test_one_file_of_a_pattern_is_enough(tmp_path: Path) -> None:
    assert wrong(tmp_path, glob="out/*.ckpt") == ("out/*.ckpt: no file fits",)
    put(tmp_path / "out" / "a.ckpt", at=SUBMITTED - 3600)
    put(tmp_path / "out" / "b.ckpt", at=SUBMITTED - 60)
    put(tmp_path / "out" / "c.txt")
    (line,) = wrong(tmp_path, glob="out/*.ckpt")
    assert line.startswith(
        "out/*.ckpt: 2 fit, none will do; the newest, out/b.ckpt was written 2025-06-15 15:05:40"
    )
    put(tmp_path / "out" / "c.ckpt")
    assert wrong(tmp_path, glob="out/*.ckpt") == ()
    assert wrong(tmp_path, glob=f"{tmp_path}/**/c.ckpt") == ()


def test_a_folder_can_be_the_output(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint-500"
    folder.mkdir()
    assert wrong(tmp_path, glob="checkpoint-*") == ("checkpoint-*: checkpoint-500 is empty",)
    put(folder / "model.bin")
    os.utime(folder, (0, 0))  # what is in it was written later
    assert wrong(tmp_path, glob="checkpoint-*") == ()
    assert check_checkpoint("checkpoint-*", tmp_path, SUBMITTED) == ()
    assert len(check_checkpoint("checkpoint-*", tmp_path, SUBMITTED + 600)) == 1


def test_values_of_json_files(tmp_path: Path) -> None:
    put(tmp_path / "m.json", json.dumps({"loss": 3.1, "eval": {"scores": [0.5, 0.75]}, "ok": True}))
    put(tmp_path / "broken.json", '{"loss": ')

    def asked(path: str, **relations: str) -> dict[str, str]:
        return {"file": "m.json", "path": path, **relations}

    assert wrong(tmp_path, json=[
        asked("eval.scores.-1", at_least="0.75", at_most="0.75"), asked("ok", equals="true"),
    ]) == ()  # fmt: skip
    assert wrong(tmp_path, json=[
        asked("loss", below="2.0", above="-1", equals="1"), asked("eval.scores.2", above="0"),
        asked("eval", above="0"), {"file": "none.json", "path": "x", "above": "0"},
        {"file": "broken.json", "path": "x", "above": "0"},
    ]) == (
        "m.json: loss is 3.1, should be below 2.0 and 1",
        "m.json: has no eval.scores.2",
        "m.json: eval is a mapping, should be above 0.0",
        "none.json: is not there",
        "broken.json: is no JSON: Expecting value: line 1 column 10 (char 9)",
    )  # fmt: skip


def test_a_json_file_of_an_earlier_run_is_none(tmp_path: Path) -> None:
    put(tmp_path / "m.json", '{"loss": 1}', at=SUBMITTED - 60)
    condition = {"file": "m.json", "path": "loss", "below": "2"}
    (line,) = wrong(tmp_path, json=[condition, condition])
    assert line.startswith("m.json: was written 2025-06-15 15:05:40")
    assert wrong(tmp_path, json=[condition], newer="false") == ()


def test_a_json_file_too_large_or_none_is_not_read(tmp_path: Path) -> None:
    with put(tmp_path / "large").open("r+b") as file:
        file.truncate(16 * 2**20 + 1)
    os.utime(tmp_path / "large", (SUBMITTED, SUBMITTED))
    os.mkfifo(tmp_path / "pipe")
    said = wrong(tmp_path, json=[
        {"file": name, "path": "x", "above": "0"} for name in ("large", "pipe", ".")
    ])  # fmt: skip
    assert said == (
        "large: is larger than 16 MiB", "pipe: is no file", ".: cannot be read: Is a directory",
    )  # fmt: skip


def test_a_command_is_the_last_to_be_asked(tmp_path: Path) -> None:
    put(tmp_path / "here")
    good = {"command": ["sh", "-c", "test -f here"]}
    bad = {"command": ["sh", "-c", "echo fine; echo 'no: $0' >&2; exit 3"]}
    assert wrong(tmp_path, **good) == ()
    (line,) = wrong(tmp_path, **bad)
    assert line.startswith("`sh -c 'echo fine;")
    assert line.endswith("` ended with 3: no: $0")
    check = OutputCheck.model_validate({"file": "none", **good})
    assert check_output(check, tmp_path, SUBMITTED, never) == ("none: is not there",)


def test_preconditions(tmp_path: Path) -> None:
    command = {"command": ["test", "-d", "out"]}
    asked = [
        Precondition.model_validate(one)
        for one in ({"file": "data"}, {"checkpoint": "out/*.ckpt"}, command)
    ]
    assert check_preconditions(asked, tmp_path, never) == (
        "data: is not there", "out/*.ckpt: no file fits",
    )  # fmt: skip
    put(tmp_path / "data", "")
    put(tmp_path / "out" / "a.ckpt", "", at=0)
    assert check_preconditions(asked, tmp_path, never) == ("out/*.ckpt: out/a.ckpt is empty",)
    put(tmp_path / "out" / "a.ckpt", at=0)
    assert check_preconditions(asked, tmp_path) == ()
    assert check_preconditions([], tmp_path) == ()


def test_what_is_asked_of_a_planned_job_is_filled_in(tmp_path: Path) -> None:
    manifest = small(
        "  - {name: a, grid: {parameters: {n: [1, 2]}, template: {id: 'j${n}',"
        " output_check: {file: 'o/${n}', json: [{file: 'o/${n}', path: n, equals: '${n}'}]}}}}"
    ).manifest
    put(tmp_path / "o" / "1", '{"n": 1}')
    put(tmp_path / "o" / "2", '{"n": 1}')
    first, second = (job.output_check for job in expand(manifest))
    assert first is not None
    assert second is not None
    assert check_output(first, tmp_path, SUBMITTED) == ()
    assert check_output(second, tmp_path, SUBMITTED) == ("o/2: n is 1, should be 2",)


def test_a_job_looks_done_once_its_output_passes_and_is_left_alone(tmp_path: Path) -> None:
    condition = {"file": "m.json", "path": "n", "above": "1"}
    check = OutputCheck.model_validate(
        {"file": "m.json", "command": ["false"], "json": [condition]}
    )

    def done(now: float = SUBMITTED + 9999) -> bool:
        return looks_done(check, tmp_path, SUBMITTED, now=now, quiet_s=300)

    assert not done()
    put(tmp_path / "m.json", '{"n": 2}', at=SUBMITTED + 60)
    assert not done(SUBMITTED + 359)
    assert done(SUBMITTED + 361)
    assert done()
    put(tmp_path / "m.json", '{"n": 1}', at=SUBMITTED + 60)
    assert not done()
    alone = OutputCheck.model_validate({"command": ["true"]})
    assert not looks_done(alone, tmp_path, SUBMITTED, now=SUBMITTED + 9999, quiet_s=300)


def test_nothing_of_a_file_steers_the_terminal(tmp_path: Path) -> None:
    put(tmp_path / "m.json", '{"a": "\\u001b[2J"}')
    put(tmp_path / "b\x1b[2J.ckpt", "")
    said = wrong(tmp_path, glob="b*", json=[{"file": "m.json", "path": "a", "equals": "x"}])
    assert len(said) == 2
    assert all(line.isprintable() for line in said)


def test_a_dead_disk_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back = threading.Event()

    def hangs(*_: object) -> None:
        back.wait(60)

    monkeypatch.setattr(conditions, "look", hangs)
    monkeypatch.setattr(conditions, "DISK_S", 0.05)
    others = set(threading.enumerate())  # of other tests, which may hang for longer
    began = time.monotonic()
    said = [wrong(tmp_path, file="x") for _ in range(20)]
    back.set()
    for thread in set(threading.enumerate()) - others:
        thread.join(60)
    assert set(said) == {("the disk gave no answer in 0.05 s",)}
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("name", ["a" * 300, "x/" * 2100, "loop"])
def test_names_that_no_disk_can_have(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    condition = {"file": name[:4096], "path": "x", "above": "0"}
    asks: list[Callable[[], tuple[str, ...]]] = [
        lambda: wrong(tmp_path, file=name[:4096]), lambda: wrong(tmp_path, json=[condition]),
        lambda: wrong(tmp_path, glob=f"{name[:4000]}/*"),
    ]  # fmt: skip
    for ask in asks:
        (line,) = ask()
        assert line.isprintable()
