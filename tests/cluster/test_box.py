"""The test clusters themselves: that they run jobs, keep apart, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from box import apt, cgroups
from box.box import Box, quiet, take_down
from box.errors import BoxError
from box.fill import fill
from box.keeper import ENTRY
from box.plan import Plan
from box.state import State

HOG = "x = bytearray(400_000_000); import time; time.sleep(20)"


def finished(box: Box, job: str, *, timeout_s: float = 60.0) -> dict[str, str]:
    """State and exit code of a job's steps by step name, once accounting knows how it ended."""
    argv = ["sacct", "--noheader", "--parsable2", f"--jobs={job}", "--format=JobID,State,ExitCode"]
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        lines = [line.split("|") for line in box.run(argv).stdout.splitlines()]
        if lines and all(
            state not in ("PENDING", "RUNNING", "COMPLETING") for _, state, _ in lines
        ):
            return {name: f"{state} {code}" for name, state, code in lines}
        time.sleep(0.2)
    raise AssertionError(f"job {job} did not end: {lines}")


def submit(box: Box, *argv: str, user: str = "alice") -> str:
    return box.run(["sbatch", "--parsable", *argv], user=user).stdout.strip()


def test_a_job_runs_and_ends_in_the_accounting(any_box: Box) -> None:
    job = submit(any_box, "--mem=100", "--wrap=id --user --name")
    assert finished(any_box, job)[job] == "COMPLETED 0:0"
    assert any_box.run(["cat", f"slurm-{job}.out"]).stdout == "alice\n"


def test_a_job_over_its_memory_is_killed(any_box: Box) -> None:
    job = submit(any_box, "--mem=100", f"--wrap=/usr/bin/python3 -c '{HOG}'")
    assert finished(any_box, job)[job] == "OUT_OF_MEMORY 0:125"


def test_users_accounts_and_qos(any_box: Box) -> None:
    argv = ["sacctmgr", "--noheader", "--parsable2", "list", "assoc", "format=account,user,qos"]
    lines = any_box.run(argv).stdout.splitlines()
    assert {"physics|alice|high,normal", "physics|bob|high,normal", "bio|bob|high,normal"} <= set(
        lines
    )
    submit(any_box, "--test-only", "--qos=high", "--account=bio", "--wrap=true", user="bob")
    with pytest.raises(BoxError, match="Invalid account"):
        submit(any_box, "--account=bio", "--wrap=true")


def test_gpus_are_offered_and_counted(any_box: Box) -> None:
    wrap = "--wrap=echo $CUDA_VISIBLE_DEVICES"
    job = submit(any_box, "--partition=gpu", "--gres=gpu:a100:2", wrap)
    assert finished(any_box, job)[job] == "COMPLETED 0:0"
    assert len(any_box.run(["cat", f"slurm-{job}.out"]).stdout.split(",")) == 2


def test_exit_code_input_folder_and_environment_pass_through(box: Box) -> None:
    script = 'read line; echo "$line $A $PWD $USER"; exit 7'
    done = box.run(
        ["sh", "-c", script], user="bob", input="hello\n", cwd="/tmp", env={"A": "b"}, check=False
    )
    assert (done.stdout, done.returncode) == ("hello b /tmp bob\n", 7)


def test_ssh_to_the_login_node(any_box: Box) -> None:
    done = any_box.run(["ssh", "-o", "BatchMode=yes", "login", "hostname; id --user --name"])
    assert done.stdout.split() == [any_box.name, "alice"]


def test_pyslurm_and_the_checkout_are_importable(box: Box) -> None:
    python = "/opt/jobshape/bin/python"
    script = "import pyslurm, textual; print(len(pyslurm.Nodes.load()))"
    assert int(box.run([python, "-c", script]).stdout) >= 4
    where = box.run([python, "-c", "import jobshape.app; print(jobshape.app.__file__)"]).stdout
    assert where.startswith("/src/")


def test_a_stopped_controller_answers_again_after_continuing(box: Box) -> None:
    box.signal("slurmctld", signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        box.run(["squeue"], timeout=1)
    box.signal("slurmctld", signal.SIGCONT)
    box.wait_up()


def test_a_killed_controller_is_started_again(box: Box) -> None:
    box.signal("slurmctld", signal.SIGKILL)
    assert box.run(["squeue"], check=False, env={"SLURM_CONF": "/etc/slurm/slurm.conf"}).returncode
    box.restart("slurmctld")
    assert box.run(["squeue", "--noheader"]).returncode == 0
    with pytest.raises(BoxError, match="no daemon 'nosuchd'"):
        box.restart("nosuchd")


def test_fill_gives_distinct_pending_jobs(make_box: Callable[..., Box]) -> None:
    box = make_box("fill", big_nodes=500)
    assert "big[0001-0500]" in box.run(["sinfo", "--noheader", "--partition=cloud"]).stdout
    fill(box, 300, ["alice", "bob"])
    lines = box.run(
        ["squeue", "--noheader", "--states=PENDING", "--format=%u %j"]
    ).stdout.splitlines()
    assert len(lines) == len(set(lines)) == 300
    assert finished(box, submit(box, "--partition=smoke", "--mem=10", "--wrap=true"))


def test_two_boxes_at_once_do_not_meet(box: Box, make_box: Callable[..., Box]) -> None:
    other = make_box("other")
    jobs = [submit(each, "--mem=50", "--wrap=sleep 5") for each in (box, other)]
    assert not cgroups.processes(box.name) & cgroups.processes(other.name)
    assert [finished(each, job)[job] for each, job in zip((box, other), jobs, strict=True)] == [
        "COMPLETED 0:0"
    ] * 2
    assert box.run(["hostname"]).stdout != other.run(["hostname"]).stdout


@pytest.fixture
def spare_name(boxes_possible: None) -> Iterator[str]:
    """A box name of our own; whatever has it is taken down at the end."""
    name = f"spare-{os.getpid()}"
    yield name
    take_down(name)


def test_down_leaves_no_process_no_cgroup_no_file(spare_name: str) -> None:
    box = Box.up(Plan(spare_name), die_with=os.getpid())
    again = Box.up(Plan(spare_name), die_with=os.getpid())
    assert again == box
    shell = box.popen(["sleep", "600"])
    submit(box, "--mem=50", "--wrap=sleep 600")
    watched = processes_of(box.name)
    assert len(watched) > 8
    box.down()
    assert shell.wait(5)
    assert_nothing_left(box.name, watched)
    with pytest.raises(BoxError, match="no box"):
        Box.named(spare_name)


def test_a_box_dies_with_the_process_it_was_told_to(spare_name: str) -> None:
    guard = subprocess.Popen(["sleep", "600"])
    Box.up(Plan(spare_name), die_with=guard.pid, say=quiet)
    watched = processes_of(spare_name)
    guard.kill()
    guard.wait()
    wait_until(lambda: not State.of(spare_name).folder.exists())
    assert_nothing_left(spare_name, watched)


def test_a_killed_keeper_takes_its_box_along_and_is_swept_up(spare_name: str) -> None:
    command = [sys.executable, ENTRY]
    subprocess.run([*command, "up", f"--name={spare_name}"], check=True, capture_output=True)
    watched = processes_of(spare_name)
    keeper = State.of(spare_name).pid("keeper")
    assert keeper is not None
    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: not cgroups.processes(spare_name))
    subprocess.run([*command, "down", f"--name={spare_name}"], check=True, capture_output=True)
    assert_nothing_left(spare_name, watched)


def test_a_box_whose_process_is_gone_does_not_come_up(spare_name: str) -> None:
    guard = subprocess.Popen(["true"])
    guard.wait()
    with pytest.raises(BoxError, match="did not come up"):
        Box.up(Plan(spare_name), die_with=guard.pid)
    assert_nothing_left(spare_name, set())


def test_apt_sources_of_both_styles(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text(
        "# deb http://old.invalid/debian trixie main\n"
        "deb [arch=amd64 signed-by=/k] http://tools.invalid/apt stable tools\n"
        "deb http://one.invalid/debian/ trixie main contrib # ours\n"
    )
    assert apt.mirror(tmp_path) == "http://one.invalid/debian"
    (tmp_path / "sources.list").unlink()
    (parts / "debian.sources").write_text(
        "Types: deb\nURIs: http://off.invalid/debian\nSuites: trixie\nComponents: main\n"
        "Enabled: no\n\n"
        "# main archive\nTypes: deb deb-src\nURIs: http://two.invalid/debian\n"
        "Suites: trixie\n trixie-updates\nComponents: main\n"
    )
    assert apt.mirror(tmp_path) == "http://two.invalid/debian"
    (parts / "debian.sources").unlink()
    with pytest.raises(BoxError, match="no Debian mirror"):
        apt.mirror(tmp_path)


def processes_of(name: str) -> set[int]:
    """Ids of the box's processes and its keeper."""
    keeper = State.of(name).pid("keeper")
    assert keeper is not None
    return cgroups.processes(name) | {keeper}


def lives(pid: int) -> bool:
    """Whether the process runs; a zombie that nobody has buried yet does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def assert_nothing_left(name: str, watched: set[int]) -> None:
    wait_until(lambda: not [pid for pid in watched if lives(pid)], timeout_s=2)
    assert not [top for top in cgroups.hierarchies() if (top / f"jobshape-box-{name}").exists()]
    assert not State.of(name).folder.exists()


def wait_until(done: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
