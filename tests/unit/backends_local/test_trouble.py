"""What goes wrong on a machine: the job says why, the queue stays whole, others are kept out."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.local import launch, link
from jobshape.app.backends.local.backend import LocalBackend
from jobshape.app.backends.local.config import LocalSite
from jobshape.app.backends.local.folder import SiteFolder
from jobshape.app.backends.local.process_tree import start_of
from jobshape.app.backends.local.reserve import Reserve
from jobshape.app.backends.local.supervisor import stop_supervisor
from jobshape.app.collector.forked import ForkedCall
from jobshape.app.domain.errors import BackendError, Unreachable
from jobshape.app.domain.request import SubmitRequest

from .sites import TestSite, until
from .test_crash_points import start_patched


def message_of(site: TestSite, job: str) -> str:
    shown = dict(field for _, fields in site.backend.detail(job).groups for field in fields)
    return shown.get("Message", "")


@pytest.mark.parametrize(
    ("script", "fields", "words"),
    [
        ("true", {"work_dir": "/nowhere/at/all"}, "the work folder /nowhere/at/all is not there"),
        ("true", {"stdout": "/nowhere/out"}, "cannot write /nowhere/out: No such file"),
        ("true", {"stderr": "/dev/null/err"}, "cannot write /dev/null/err: Not a directory"),
        ("#!/no/such/shell\ntrue\n", {}, "the interpreter /no/such/shell: No such file"),
        ("#!/etc/passwd\ntrue\n", {}, "/etc/passwd: Permission denied"),
        ("#!\ntrue\n", {}, "names no interpreter"),
    ],
    ids=["work folder", "log folder", "no folder", "interpreter", "not to be run", "empty"],
)
def test_a_job_that_cannot_run_says_why(
    site: TestSite, script: str, fields: dict[str, object], words: str
) -> None:
    job = site.submit(script, **fields)
    record = site.wait(job, "FAILED")
    assert words in record.reason
    assert words in message_of(site, job)
    assert record.exit_code == "1:0"
    site.wait(site.submit("true"), "COMPLETED")


def test_a_full_disk_under_the_log(site: TestSite) -> None:
    job = site.submit("echo much || exit 7", stdout="/dev/full", stderr="/dev/null")
    assert site.wait(job, "FAILED").exit_code == "7:0"


FULL_LOG_DISK = """
    from jobshape.app.backends.local import shepherd
    statvfs = os.statvfs
    def none_left(path):
        found = statvfs(path)
        fields = {name: getattr(found, name) for name in ("f_blocks", "f_bavail", "f_frsize")}
        return types.SimpleNamespace(**{**fields, "f_bavail": 0} if "logs" in str(path) else fields)
    import types
    shepherd.os.statvfs = none_left
"""


def test_where_the_log_had_no_room_the_job_says_so(site: TestSite) -> None:
    """What would tell the cause is what could not be written."""
    start_patched(site, FULL_LOG_DISK)
    (site.work / "logs").mkdir()
    failed = site.submit("exit 7", stdout="logs/%j.out")
    fine = site.submit("true", stdout="logs/%j.out")
    elsewhere = site.submit("exit 7")
    record = site.wait(failed, "FAILED")
    assert (record.reason, record.exit_code) == ("the disk of its log is full", "7:0")
    assert message_of(site, failed) == ("its script gave exit code 7; the disk of its log is full")
    site.wait(fine, "COMPLETED")
    site.wait(elsewhere, "FAILED")
    assert message_of(site, elsewhere) == "its script gave exit code 7"


@pytest.mark.parametrize("killed", [False, True], ids=["it ends", "supervisor is killed"])
def test_a_job_whose_files_somebody_removed_is_not_run_again(site: TestSite, killed: bool) -> None:
    job = site.submit("echo $$ >> ran; until [ -e go ]; do sleep 0.05; done")
    pid = int(until(lambda: text_of(site.work / "ran"), lambda text: text.endswith("\n")))
    shutil.rmtree(site.folder.spool / f"{job}.1")
    if killed:
        site.kill_supervisor()
    else:
        (site.work / "go").touch()
    assert site.wait(job, "NODE_FAIL").exit_code == "0:9"
    assert "were removed" in message_of(site, job)
    assert text_of(site.work / "ran") == f"{pid}\n"
    assert start_of(pid) is None


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


FULL_SPOOL = """
    prepare = spool.prepare
    def full(folder):
        if os.path.exists({flag!r}):
            raise OSError(28, "No space left on device", str(folder))
        prepare(folder)
    spool.prepare = full
    runs.RETRY_S = 0.3
"""
NO_FORK = """
    fork = nursery.fork_shepherd
    def refused(task):
        if os.path.exists({flag!r}):
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return fork(task)
    nursery.fork_shepherd = refused
    runs.RETRY_S = 0.3
"""


@pytest.mark.parametrize(
    ("patch", "words"),
    [(FULL_SPOOL, "cannot be written to the spool"),
     (NO_FORK, "no process can be started: Resource temporarily unavailable")],
    ids=["spool", "fork"],
)  # fmt: skip
def test_where_trying_again_helps_it_is_tried_again(site: TestSite, patch: str, words: str) -> None:
    flag = site.work / "flag"
    flag.touch()
    start_patched(site, patch.format(flag=str(flag)))
    job = site.submit("echo $SLURM_RESTART_COUNT; echo ran >> ran")
    until(lambda: site.record(job).reason, lambda reason: words in reason)
    assert site.record(job).state == "PENDING"
    flag.unlink()
    site.wait(job, "COMPLETED")
    assert site.output(job) == "\n"
    assert (site.work / "ran").read_text() == "ran\n"


FULL_DATABASE = """
    import sqlite3
    from contextlib import contextmanager
    from jobshape.app.backends.local import store
    transaction = store.Store.transaction
    @contextmanager
    def full(self):
        with transaction(self):
            yield
            if os.path.exists({flag!r}):
                raise sqlite3.OperationalError("database or disk is full")
    store.Store.transaction = full
    supervisor.TROUBLE_S = 0.3
"""


def test_a_full_disk_under_the_queue(site: TestSite) -> None:
    """Nothing new starts, what runs goes on, who asks is told; and then it all goes on."""
    flag = site.work / "flag"
    start_patched(site, FULL_DATABASE.format(flag=str(flag)))
    short = site.submit("sleep 0.5; echo short >> ran", cpus_per_task=4)
    site.wait(short, "RUNNING")
    after = site.submit("echo after >> ran", cpus_per_task=4)
    flag.touch()
    with pytest.raises(Unreachable, match="disk is full"):
        site.submit("echo never >> ran")
    time.sleep(1.2)
    assert site.record(short).state == "RUNNING"  # its end cannot be written down yet
    assert site.record(after).state == "PENDING"
    assert "disk is full; nothing starts" in site.backend.queue(Scope.MINE).source
    flag.unlink()
    for job in (short, after):
        site.wait(job, "COMPLETED")
    assert site.backend.queue(Scope.MINE).source == "this machine"
    assert (site.work / "ran").read_text().split() == ["short", "after"]


FULL_BUT_FOR_THE_RESERVE = """
    import sqlite3
    from contextlib import contextmanager
    from jobshape.app.backends.local import reserve, store
    transaction = store.Store.transaction
    @contextmanager
    def full(self):
        with transaction(self):
            yield
            if os.path.exists({flag!r}) and os.path.exists({reserve!r}):
                raise sqlite3.OperationalError("database or disk is full")
    store.Store.transaction = full
    make = reserve.Reserve.make
    reserve.Reserve.make = lambda self: None if os.path.exists({flag!r}) else make(self)
    supervisor.RESERVE_S = 0.1
"""


def test_what_fills_the_disk_can_be_ended(site: TestSite) -> None:
    flag, reserve = site.work / "flag", site.folder.reserve
    start_patched(site, FULL_BUT_FOR_THE_RESERVE.format(flag=str(flag), reserve=str(reserve)))
    filling = site.submit("sleep 60")
    site.wait(filling, "RUNNING")
    kept = reserve.stat()
    assert kept.st_blocks * 512 >= 1 << 20 and stat.S_IMODE(kept.st_mode) == 0o600
    flag.touch()
    site.backend.cancel(filling)
    site.wait(filling, "CANCELLED")
    assert not reserve.exists()
    flag.unlink()
    time.sleep(0.2)
    site.wait(site.submit("true"), "COMPLETED")
    assert reserve.exists()
    assert "given up" in site.folder.log.read_text()


def test_no_room_is_kept_where_there_is_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Reserve(tmp_path / "reserve")
    with monkeypatch.context() as patch:
        patch.setattr("os.statvfs", lambda _: SimpleNamespace(f_bavail=100, f_frsize=4096))
        kept.make()
    assert not kept.is_there and not kept.give_up()

    def refused(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.posix_fallocate", refused)
        kept.make()
    assert not kept.is_there and not (tmp_path / "reserve").exists()
    kept.make()
    assert kept.is_there and Reserve(tmp_path / "reserve").give_up() is False
    assert not (tmp_path / "reserve").exists()


def test_what_can_be_read_is_read_though_no_supervisor_can_start(
    site: TestSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = site.submit("sleep 0.5")
    site.wait(job, "RUNNING")
    site.kill_supervisor()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    reading = site.backend.queue(Scope.MINE)
    assert [str(record.job_id) for record in reading.jobs] == [job]
    assert "cannot be started" in reading.source
    with pytest.raises(Unreachable, match="cannot be started"):
        site.submit("true")
    monkeypatch.undo()
    site.wait(job, "COMPLETED")


def test_only_its_user_may_open_it(site: TestSite) -> None:
    site.wait(site.submit("true"), "COMPLETED")

    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    for folder in (site.folder.path, site.folder.spool, site.folder.programs):
        assert mode(folder) == 0o700
    inside = SiteFolder(str(site.work / "state" / "jobshape" / "local"))
    inside.make()
    assert mode(inside.path.parent) == 0o700  # the state folder, where nobody made it before
    for file in (site.folder.database, site.folder.log, site.folder.lock, site.folder.socket):
        assert mode(file) & 0o177 == 0
    assert mode(site.work / "slurm-1.out") == 0o644  # a job's own files: as its user's umask says
    site.folder.path.chmod(0o750)
    for call in (lambda: site.backend.queue(Scope.MINE), lambda: site.submit("true")):
        with pytest.raises(BackendError, match="other users may open it") as caught:
            call()
        assert "chmod 700" in caught.value.hint
    site.folder.path.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(site.folder.path, 65534, -1)
        with pytest.raises(BackendError, match="belongs to the user with id 65534"):
            site.backend.queue(Scope.MINE)
        os.chown(site.folder.path, 0, -1)


def test_a_long_folder(make_site: Callable[..., TestSite]) -> None:
    site = make_site("x" * 120)
    assert len(str(site.folder.socket)) > 108
    job = site.submit("true")
    site.wait(job, "COMPLETED")


def test_a_newer_format_is_refused(site: TestSite) -> None:
    site.folder.make()
    with sqlite3.connect(site.folder.database) as db:
        db.execute("PRAGMA user_version = 99")
    for call in (lambda: site.backend.queue(Scope.MINE), lambda: site.submit("true")):
        with pytest.raises(BackendError, match="newer jobshape"):
            call()
    site.folder.database.unlink()


def test_a_file_that_is_no_database(site: TestSite) -> None:
    site.folder.make()
    site.folder.database.write_bytes(b"x" * 5000)
    for call in (lambda: site.backend.queue(Scope.MINE), lambda: site.submit("true")):
        with pytest.raises(BackendError, match="database"):
            call()
    site.folder.database.unlink()


def test_nonsense_on_the_socket(site: TestSite) -> None:
    site.submit("true")
    pid = site.supervisor()
    for data in (b"", b"GET / HTTP/1.1\r\n\r\n" * 9, b"\0\0\0\2[]", b"\0\0\0\5{}", b"\xff" * 64):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(site.folder.socket))
            client.sendall(data)
    for message in ({"do": "submit"}, {"do": "rm", "arguments": {}},
                    {"do": "cancel", "arguments": {"job": 1, "signal": 2}}):  # fmt: skip
        with pytest.raises(BackendError):
            link.ask(site.folder.socket, {"protocol": link.PROTOCOL, "arguments": {}, **message}, 5)
    site.wait(site.submit("true"), "COMPLETED")
    assert site.supervisor() == pid


def test_one_of_another_release_hands_over(site: TestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    job = site.submit("sleep 0.7; echo ran >> ran")
    site.wait(job, "RUNNING")
    old = site.supervisor()
    start_of_old = start_of(old or 0)
    with pytest.raises(link.NobodyThere):
        assert link.ask(site.folder.socket, {"do": "ping", "protocol": 99}, 5) == launch.RETIRED
        until(lambda: start_of(old or 0), lambda start: start != start_of_old)
        link.ask(site.folder.socket, {"do": "ping", "protocol": 99}, 5)
    site.wait(job, "COMPLETED")
    assert site.supervisor() not in (None, old)
    assert (site.work / "ran").read_text() == "ran\n"


def test_a_site_that_is_described_anew(site: TestSite) -> None:
    first = site.submit("sleep 60", cpus_per_task=4)
    second = site.submit("true", cpus_per_task=4)
    site.wait(first, "RUNNING")
    wider = LocalBackend(site.site._replace(cpus=8))
    wider.submit(SubmitRequest("#!/bin/sh\ntrue\n", work_dir=str(site.work)))
    site.wait(second, "COMPLETED")


def test_it_outlives_who_started_it(site: TestSite) -> None:
    """The collector's children die with their parent, and their process group is killed."""

    def work(_: object) -> dict[str, object]:
        return {"job": site.submit("sleep 0.5; echo ran >> ran")}

    secret = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(secret, True)
    call = ForkedCall("submit", work, 20, subprocesses=True)
    while call.read()[1]:
        time.sleep(0.01)
    job = str(call.finish().head["job"])
    call.kill_group()
    pid = site.supervisor()
    assert pid and os.getsid(pid) not in (os.getsid(0), call.pid)
    assert os.getpgid(pid) != call.pid
    fds = {Path(f"/proc/{pid}/fd/{fd}").readlink() for fd in os.listdir(f"/proc/{pid}/fd")}  # noqa: PTH208
    assert not [fd for fd in fds if "pipe:" in str(fd)]
    os.close(secret)
    site.wait(job, "COMPLETED")
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")


def test_hangup_and_the_end_of_a_terminal(site: TestSite) -> None:
    code = (
        "import sys, json; from jobshape.app.backends.local.backend import LocalBackend;"
        "from jobshape.app.backends.local.config import LocalSite;"
        "from jobshape.app.backends.base import SubmitRequest;"
        "LocalBackend(LocalSite.from_head(json.loads(sys.argv[1]))).submit("
        "SubmitRequest('#!/bin/sh\\nsleep 1\\n', work_dir=sys.argv[2]));"
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_DFL);"  # nohup has it ignored
        "os.killpg(0, signal.SIGHUP)"
    )
    import json

    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(site.site.head()), str(site.work)],
        start_new_session=True, check=False, timeout=20,
    )  # fmt: skip
    assert done.returncode == -signal.SIGHUP
    site.wait("1", "COMPLETED")


@pytest.mark.parametrize("alive", [True, False], ids=["running", "killed before"])
def test_stop_with_and_without_its_jobs(site: TestSite, alive: bool) -> None:
    job = site.submit("trap '' TERM; echo $$ > self; sleep 60 & wait; sleep 60")
    pending = site.submit("true", hold=True)
    pid = until(
        lambda: int((site.work / "self").read_text() or 0) if (site.work / "self").exists() else 0,
        bool,
    )
    stop_supervisor(site.site.folder, kill_jobs=False)
    assert site.supervisor() is None and start_of(pid) is not None
    if alive:
        site.wait(job, "RUNNING")
        assert site.supervisor()
    stop_supervisor(site.site.folder, kill_jobs=True)
    assert site.supervisor() is None and start_of(pid) is None
    assert {site.record(j).state for j in (job, pending)} == {"CANCELLED"}
    stop_supervisor(site.site.folder, kill_jobs=True)
    stop_supervisor(str(site.work / "nothing here"), kill_jobs=True)
    assert not (site.work / "nothing here").exists()


def test_making_a_backend_costs_nothing(tmp_path: Path) -> None:
    backend = LocalBackend(LocalSite(folder=str(tmp_path / "not made")))
    assert backend.queue(Scope.ALL).jobs == []
    assert backend.accounting(Scope.MINE, 0) == backend.usage(["1"]) == []
    assert len(backend.nodes()) == 1 and backend.partitions()[0].name == "main"
    assert not (tmp_path / "not made").exists()


def test_srun(site: TestSite) -> None:
    lines = (
        "#!/bin/sh",
        "#SBATCH -n 3",
        "srun --mem=5 -c1 sh -c 'echo $SLURM_STEP_ID:$SLURM_PROCID' | sort",
        "srun -n1 -l --output=step-%s-%t true",
        "srun --ntasks 2 sh -c 'exit $SLURM_PROCID'; echo $?",
        "srun /nothing/of/this/name; echo $?",
        "srun -n x true; echo $?",
        "ls step-1-0",
    )
    script = "".join(f"{line}\n" for line in lines)
    job = site.submit(script, stderr="/dev/null")
    site.wait(job, "COMPLETED")
    assert site.output(job).split() == ["0:0", "0:1", "0:2", "1", "2", "1", "step-1-0"]


def test_texts_of_a_job_reach_no_shell(site: TestSite) -> None:
    evil = "$(touch evil); `touch evil` ; touch evil #"
    job = site.submit(
        'printf "<%s>" "$@" "$SLURM_JOB_NAME"',
        name=evil,
        comment=evil,
        arguments=(evil, "-x"),
        stdout=f"{site.work}/{evil.replace('/', '')}.out",
    )
    site.wait(job, "COMPLETED")
    assert not (site.work / "evil").exists()
    assert Path(site.backend.log_paths(job).stdout).read_text() == f"<{evil}><-x><{evil}>"


def test_names_that_are_no_utf_8(site: TestSite) -> None:
    folder = site.work / "\udcff\udce4"
    folder.mkdir()
    job = site.submit("true", work_dir=str(folder), name="\udcff")
    record = site.wait(job, "COMPLETED")
    assert (record.name, record.work_dir) == ("\udcff", str(folder))
    assert (folder / f"slurm-{job}.out").exists()
