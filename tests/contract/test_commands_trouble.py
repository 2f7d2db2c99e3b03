"""How the commands backend fails: no Slurm, no controller, one that hangs, no such host."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.commands.backend import CommandsBackend
from jobshape.app.domain.errors import NoSite, Unreachable

from .conftest import Site


@pytest.fixture
def controller_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets Slurm's commands believe that slurmctld listens on this port."""

    def use(port: int) -> None:
        folder = Path(os.environ.get("SLURM_CONF", "/etc/slurm/slurm.conf")).parent
        for file in folder.iterdir():  # the key and what slurm.conf includes stand beside it
            if file.is_file() and os.access(file, os.R_OK):
                (tmp_path / file.name).write_bytes(file.read_bytes())
        conf = tmp_path / "slurm.conf"
        text = re.sub(r"(?im)^SlurmctldPort=.*$", "", conf.read_text())
        conf.write_text(f"{text}\nSlurmctldPort={port}\n")
        monkeypatch.setenv("SLURM_CONF", str(conf))

    return use


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port where connections are taken and never answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def test_dead_controller(controller_at: Callable[[int], None]) -> None:
    controller_at(free_port())
    started = time.monotonic()
    with pytest.raises(Unreachable, match="Unable to contact slurm controller"):
        CommandsBackend(timeout_s=15).queue(Scope.MINE)
    assert time.monotonic() - started < 60


def test_hung_controller(controller_at: Callable[[int], None], deaf_port: int) -> None:
    controller_at(deaf_port)
    started = time.monotonic()
    with pytest.raises(Unreachable, match="no answer for 2 s"):
        CommandsBackend(timeout_s=2).queue(Scope.MINE)
    assert time.monotonic() - started < 30


def test_nothing_is_sent_twice_to_a_hung_controller(
    site: Site, controller_at: Callable[[int], None], deaf_port: int
) -> None:
    """sbatch is ended by our time-out; whatever arrives later, we did not try again."""
    controller_at(deaf_port)
    site.backend = CommandsBackend(timeout_s=3)
    with pytest.raises(Unreachable):
        site.submit()
    assert site.backend.calls == {"REQUEST_SUBMIT_BATCH_JOB": 1}


def test_no_slurm_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "none.conf"))
    with pytest.raises(NoSite, match=r"none\.conf") as caught:
        CommandsBackend(timeout_s=2).queue(Scope.MINE)  # Slurm itself would try for a minute
    assert "SLURM_CONF" in caught.value.hint


def test_no_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoSite, match="squeue was not found"):
        CommandsBackend().queue(Scope.MINE)


def test_no_slurm_on_the_other_side() -> None:
    backend = CommandsBackend(ssh_host="login")
    with pytest.raises(NoSite, match="no_such_command was not found"):
        backend._runner.run(["no_such_command"])


def test_no_such_host() -> None:
    with pytest.raises(Unreachable) as caught:
        CommandsBackend(ssh_host="nowhere.invalid", timeout_s=5).queue(Scope.MINE)
    assert caught.value.where == "ssh nowhere.invalid"


@pytest.mark.parametrize(
    ("folder", "kept"),
    [("gone", 0), ("two words", 1), ("50%h", 1), ("x" * 90, 0)],
    ids=["gone", "space", "percent", "too long"],
)
def test_ssh_wherever_its_socket_would_lie(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str, kept: int
) -> None:
    with tempfile.TemporaryDirectory(prefix="js") as short:
        place = Path(short) / folder
        if folder != "gone":
            place.mkdir(mode=0o700)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
        monkeypatch.setenv("HOME", str(tmp_path))
        CommandsBackend(ssh_host="login").queue(Scope.MINE)
        sockets = list(place.iterdir()) if place.exists() else []
        for socket_path in sockets:
            option = f"ControlPath={str(socket_path).replace('%', '%%')!r}".replace("'", '"')
            subprocess.run(["ssh", "-o", option, "-O", "exit", "login"], check=True)
    assert len(sockets) == kept


def test_own_settings_of_a_person_change_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = site.submit(array="0-3", hold=True)
    for name, value in {
        "SQUEUE_ARRAY": "1", "SQUEUE_FORMAT": "%i", "SQUEUE_STATES": "R", "SQUEUE_PARTITION": "gpu",
        "SQUEUE_SORT": "-i", "SLURM_TIME_FORMAT": "relative", "SLURM_BITSTR_LEN": "3",
        "SACCT_FORMAT": "JobID", "TZ": "Asia/Tokyo", "LC_ALL": "de_DE.UTF-8",
        "SCANCEL_STATE": "RUNNING",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    (record,) = site.records(job)
    assert record.array_tasks == "0-3"
    assert abs((record.submit_time or 0) - time.time()) < 30
    accounted = site.backend.accounting(Scope.MINE, int(time.time()) - 60, jobs=[job])
    assert [found.job.submit_time for found in accounted] in ([], [record.submit_time])
    site.backend.cancel(job)
    site.wait(job, "CANCELLED")
