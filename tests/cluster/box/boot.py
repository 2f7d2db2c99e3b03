"""Process 1 of a box: sets up users and files, starts the daemons, then buries the dead.

Runs inside the box, under the Python of its root folder.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from box import cgroups, config
from box.daemons import Daemon, daemons
from box.environment import PREFIX
from box.errors import BoxError
from box.plan import Plan

RUN: Final = Path("/run/box")
USERS: Final = {"alice": 2001, "bob": 2002}
ACCOUNTS: Final = {"physics": ("alice", "bob"), "bio": ("bob",)}
_SLURM_FOLDERS: Final = (
    *("/run/slurmctld", "/run/slurmdbd"),
    *("/var/log/slurm", "/var/spool/slurmctld"),
)
_PATIENCE_S: Final = 90.0
_JOBSHAPE: Final = '#!/bin/sh\nexec /opt/jobshape/bin/python -m jobshape "$@"\n'
_PROFILE: Final = "PS1='\\u@\\h:\\w\\$ '\nexport PATH=/opt/jobshape/bin:$PATH LANG=C.UTF-8\n"


def boot() -> None:
    """Bring the box up, tell so in the run folder, and stay."""
    plan = Plan.load(RUN / "plan.json")
    cgroups.settle()
    _make_users()
    _write_files(plan)
    _compile_checkout()
    _start_all(plan)
    (RUN / "ready").touch()
    _reap_for_ever()


def _make_users() -> None:
    for user, uid in USERS.items():
        _run("useradd", "--create-home", "--shell=/bin/bash", f"--uid={uid}", user)
        home = Path("/home") / user
        keys = home / ".ssh"
        keys.mkdir(mode=0o700)
        key = keys / "id_ed25519"
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", user, "-f", str(key))
        shutil.copy(f"{key}.pub", keys / "authorized_keys")
        for path in (keys, *keys.iterdir()):
            shutil.chown(path, user, user)


def _compile_checkout() -> None:
    """Compile the checkout for this Python beside the rest: its users may not write there."""
    command = [f"{PREFIX}/bin/python", "-m", "compileall", "-q"]
    folders = [f"/src/{name}" for name in ("app", "widgets", "screens", "styles")]
    subprocess.Popen([*command, *folders], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _write_files(plan: Plan) -> None:
    slurm = Path("/etc/slurm")
    slurm.mkdir(exist_ok=True)
    _write(slurm / "slurm.conf", config.slurm_conf(plan))
    _write(slurm / "cgroup.conf", config.cgroup_conf(plan))
    _write(slurm / "gres.conf", config.gres_conf())
    _write(slurm / "slurmdbd.conf", config.slurmdbd_conf(plan), mode=0o600, owner="slurm")
    _write(slurm / "slurm.key", os.urandom(1024), mode=0o600, owner="slurm")
    _write(Path("/etc/mysql/mariadb.conf.d/99-box.cnf"), config.mariadb_conf())
    _write(Path("/etc/profile.d/box.sh"), _PROFILE)
    _write(Path("/usr/local/bin/jobshape"), _JOBSHAPE, mode=0o755)
    _write(Path("/etc/hostname"), f"{plan.name}\n")
    _write(Path("/etc/hosts"), f"127.0.0.1 localhost {plan.name} login\n")
    host_key = Path("/etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
    known = f"{plan.name},localhost,login,127.0.0.1 {' '.join(host_key)}\n"
    _write(Path("/etc/ssh/ssh_known_hosts"), known)
    _folders(_SLURM_FOLDERS, owner="slurm")
    _folders(("/run/mysqld",), owner="mysql")
    _folders(("/run/sshd", config.FAKE_GPUS), owner="root")
    _write(Path(config.LOGS) / "mariadbd.log", "", owner="mysql")
    for number in range(config.GPUS):
        # slurmd wants device files; these are all /dev/null
        os.mknod(f"{config.FAKE_GPUS}/nvidia{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    smi = Path(__file__).with_name("nvidia-smi")
    _write(Path("/usr/local/bin/nvidia-smi"), smi.read_text(), mode=0o755)
    if plan.recipe.munge:
        _folders(("/run/munge",), owner="munge")


def _start_all(plan: Plan) -> None:
    """Start the daemons; each one waits for what it needs of the earlier ones."""
    waits: dict[str, Callable[[], bool]] = {
        "munged": Path("/run/munge/munge.socket.2").exists,
        "mariadbd": Path("/run/mysqld/mysqld.sock").exists,
        "slurmdbd": lambda: _works("sacctmgr", "--noheader", "list", "cluster"),
    }
    after: dict[str, Callable[[Plan], None]] = {
        "mariadbd": _open_database,
        "slurmdbd": _add_accounts,
    }
    for daemon in daemons(plan).values():
        _start(daemon)
        if daemon.name in waits:
            _wait_for(daemon.name, waits[daemon.name])
        if daemon.name in after:
            after[daemon.name](plan)
    _wait_for("nodes", _nodes_idle)


def _start(daemon: Daemon) -> None:
    subprocess.run(daemon.argv, check=True, user=daemon.user, stdin=subprocess.DEVNULL)


def _open_database(plan: Plan) -> None:
    """Let Slurm's user in; no password, the database listens to nobody outside the box."""
    for statement in (
        "CREATE USER slurm@localhost IDENTIFIED VIA unix_socket",
        "GRANT ALL ON slurm_acct_db.* TO slurm@localhost",
    ):
        _run("mariadb", "--execute", statement)


def _add_accounts(plan: Plan) -> None:
    _sacctmgr("add", "cluster", plan.cluster)
    _sacctmgr("add", "qos", "high", "priority=1000")
    for account, users in ACCOUNTS.items():
        _sacctmgr("add", "account", account, f"cluster={plan.cluster}")
        _sacctmgr("add", "user", ",".join(users), f"account={account}", "qos=normal,high")


def _nodes_idle() -> bool:
    done = subprocess.run(
        [
            "sinfo",
            "--noheader",
            "--Node",
            "--format=%T",
            f"--nodes={','.join(n.name for n in config.NODES)}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0 and set(done.stdout.split()) == {"idle"}


def _sacctmgr(*argv: str) -> None:
    _run("sacctmgr", "--immediate", "--quiet", *argv)


def _works(*argv: str) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BoxError(f"{' '.join(argv)}: {done.stdout}{done.stderr}")


def _wait_for(what: str, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not ready():
        if time.monotonic() > deadline:
            raise BoxError(f"{what} did not come up in {_PATIENCE_S:.0f} s")
        time.sleep(0.05)


def _write(path: Path, content: str | bytes, *, mode: int = 0o644, owner: str = "root") -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    shutil.chown(path, owner, grp.getgrgid(pwd.getpwnam(owner).pw_gid).gr_name)


def _folders(names: Sequence[str], *, owner: str) -> None:
    for name in names:
        Path(name).mkdir(parents=True, exist_ok=True)
        shutil.chown(name, owner, owner)


def _reap_for_ever() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        signal.sigtimedwait({signal.SIGCHLD}, 1.0)
