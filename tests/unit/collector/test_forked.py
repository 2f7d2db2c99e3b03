"""A call in a child: whatever happens in it stays in it."""

import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.collector.forked import Emit, Ended, ForkedCall, Work
from jobshape.app.collector.wire import Frame
from jobshape.app.domain.errors import Refused


def run(work: Work, deadline_s: float = 10.0) -> tuple[list[Frame], Ended]:
    """Run a call to its end or deadline, as the collector does."""
    call = ForkedCall("test", work, deadline_s, subprocesses=True)
    frames: list[Frame] = []
    more = True
    while more:
        left_s = call.deadline_at - time.monotonic()
        if not select.select([call.fd], [], [], max(0.0, left_s))[0]:
            call.kill(["Unreachable", "too late", "test", ""])
            break
        new, more = call.read()
        frames += new
    ended = call.finish()
    with pytest.raises(ChildProcessError):
        os.waitpid(call.pid, os.WNOHANG)  # nothing is left to collect
    return frames, ended


def test_frames_and_the_head_of_the_end_arrive() -> None:
    def work(emit: Emit) -> dict[str, Any]:
        emit(Frame("jobs", {"n": 1}, b"abc"))
        return {"jobs": 1}

    frames, ended = run(work)
    assert frames == [Frame("jobs", {"n": 1}, b"abc")]
    assert ended.head == {"jobs": 1}
    assert ended.error is None
    assert ended.cpu_s > 0


def test_an_answer_larger_than_the_pipe_arrives_whole() -> None:
    def work(emit: Emit) -> dict[str, Any]:
        for i in range(30):
            emit(Frame("jobs", {"i": i}, bytes([i]) * 1_000_000))
        return {}

    frames, ended = run(work)
    assert [frame.head["i"] for frame in frames] == list(range(30))
    assert all(set(frame.body) == {i} and len(frame.body) == 1_000_000
               for i, frame in enumerate(frames))  # fmt: skip
    assert ended.error is None


def test_an_error_of_the_family_keeps_its_parts_on_one_line() -> None:
    def work(emit: Emit) -> dict[str, Any]:
        raise Refused("Invalid\naccount\x1b[31m", where="sbatch", hint="ask")

    assert run(work)[1].error == ["Refused", "Invalid account [31m", "sbatch", "ask"]


def test_any_other_exception_says_where_it_came_from() -> None:
    def work(emit: Emit) -> dict[str, Any]:
        raise KeyError("JobState")

    error = run(work)[1].error
    assert error
    assert error[:2] == ["BackendError", "KeyError: 'JobState'"]
    assert "work, line" in error[2]


def test_a_crash_says_by_which_signal() -> None:
    def work(emit: Emit) -> dict[str, Any]:
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)
        return {}

    error = run(work)[1].error
    assert error
    assert "SIGSEGV" in error[1]


def test_an_exit_from_inside_a_library_says_so() -> None:
    def work(emit: Emit) -> dict[str, Any]:
        emit(Frame("jobs", {}))
        os._exit(3)

    frames, ended = run(work)
    assert len(frames) == 1
    assert ended.error
    assert "exit code 3" in ended.error[1]


def test_a_hang_ends_at_the_deadline_with_the_commands_it_started() -> None:
    read_fd, write_fd = os.pipe()

    def work(emit: Emit) -> dict[str, Any]:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        command = subprocess.Popen(["sleep", "600"])
        os.write(write_fd, b"%d" % command.pid)
        command.wait()
        return {}

    started = time.monotonic()
    _, ended = run(work, deadline_s=0.5)
    assert ended.error == ["Unreachable", "too late", "test", ""]
    assert time.monotonic() - started < 30
    command_pid = int(os.read(read_fd, 20))
    os.close(read_fd)
    os.close(write_fd)
    for _ in range(100):
        if not _runs(command_pid):
            return
        time.sleep(0.01)
    raise AssertionError("the command outlived the call")


def test_the_child_does_not_hold_the_apps_pipes() -> None:
    def work(emit: Emit) -> dict[str, Any]:
        return {"fds": [str(Path(f"/proc/self/fd/{fd}").readlink()) for fd in (0, 1)]}

    assert run(work)[1].head["fds"] == [os.devnull, os.devnull]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
