"""Reading a log: what matters of it, in a short time, whatever it is."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from jobshape.app.domain.finding import NONE
from jobshape.app.signals.diagnose import findings_for
from jobshape.app.signals.lines import LONGEST, clean_lines
from jobshape.app.signals.read_log import HEAD_BYTES, TAIL_BYTES, LogError, read_log

STEP = "step 12345 loss 0.4321 lr 1.0e-04 no errors\n"
OOM = "slurmstepd: error: Detected 1 oom_kill event in StepId=9.0.\n"


def write(path: Path, *parts: str) -> Path:
    path.write_text("".join(parts), "utf-8")
    return path


def test_a_small_file_is_read_whole_and_its_lines_are_numbered(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", "one\n", OOM)
    log = read_log(path)
    assert log.whole and len(log.parts) == 1
    (found, *_) = findings_for({"stderr": path}, {})
    assert found.evidence[0]._replace(text="") == ("stderr", str(path), 2, "")


def test_of_a_large_file_head_and_tail_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", "first\n", STEP * 200_000, OOM)
    log = read_log(path)
    assert not log.whole
    assert log.parts[0].text.startswith("first\n")
    assert sum(len(part.text) for part in log.parts) <= HEAD_BYTES + TAIL_BYTES
    (found, *_) = findings_for({"log": path}, {})
    assert (found.label, found.evidence[0].line) == ("oom_host", 200_002)


def test_slurms_word_far_before_the_end_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", STEP * 100_000, OOM, "rank 3 waits\n" * 100_000)
    (found, *_) = findings_for({"log": path}, {})
    assert (found.label, found.evidence[0].line) == ("oom_host", 100_001)


def test_a_huge_file_takes_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with path.open("wb") as file:
        file.truncate(3 << 30)  # a hole of 3 GB
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + (STEP * 9000 + OOM).encode())
    findings_for({"log": path}, {})
    took_s = min(_seconds(path) for _ in range(3))
    assert findings_for({"log": path}, {})[0].label == "oom_host"
    assert took_s < 1  # 0.05 s where the machine is free


def _seconds(path: Path) -> float:
    began = time.perf_counter()
    findings_for({"log": path}, {})
    return time.perf_counter() - began


def test_one_line_of_several_megabytes(tmp_path: Path) -> None:
    bars = "".join(f"\r{n % 100}%|### | {n}" for n in range(300_000))
    for name, text in (("bar", bars), ("flat", "0.123456789 " * 400_000)):
        path = write(tmp_path / name, text, "CUDA error: an illegal memory access was encountered")
        assert findings_for({"log": path}, {})[0].label == "cuda_runtime"


def test_noise_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(os.urandom(50_000) + b"\n\0\0\xff\xfe\r\r\n" + OOM.encode() + os.urandom(999))
    assert findings_for({"log": path}, {})[0].label == "oom_host"
    assert findings_for({"log": write(tmp_path / "b", "")}, {})[0].label == NONE


def test_lines_are_never_longer_than_rules_may_see() -> None:
    assert max(len(line.text) for line in clean_lines("x" * 100_000 + "\nend")) == LONGEST


def test_what_is_no_log_is_told(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="is a folder"):
        read_log(tmp_path)
    with pytest.raises(LogError, match="No such file"):
        read_log(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LogError, match="no ordinary file"):
        read_log(tmp_path / "pipe")
    with pytest.raises(LogError, match="null"):
        read_log("a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", "x")
    path.chmod(0)
    with pytest.raises(LogError, match="Permission denied"):
        read_log(path)


def test_one_file_for_both_streams_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", OOM)
    (found, *_) = findings_for({"stdout": path, "stderr": path}, {})
    assert [one.source for one in found.evidence] == ["stdout"]
