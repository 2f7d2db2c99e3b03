"""The process that keeps a box: makes its namespaces, outlives whoever asked, clears up after it.

It dies with nothing but itself, a signal to it, or the process it was told to die with. The box's
namespaces die with it even when it is killed, by parent-death signals.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from box import cache, cgroups, mounts
from box.recipe import REPO
from box.state import State

ENTRY: Final = str(Path(__file__).parent)
ENTRY_IN_BOX: Final = f"/src/{Path(ENTRY).relative_to(REPO)}"
_UNSHARE: Final = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"),
)
_SIOCSIFFLAGS: Final = 0x8914  # netdevice(7)
_SIOCSIFADDR: Final = 0x8916
_IFF_UP: Final = 1
_PATIENCE_S: Final = 10.0


def keep(name: str, layers: Sequence[str], die_with: int | None) -> None:
    """Make the box and stay until it ends, a signal comes or the process `die_with` is gone."""
    state = State.of(name)
    with state.hold(), cache.use(Path(layer) for layer in layers):
        state.write_pid("keeper", os.getpid())
        cgroups.make(name)
        box = subprocess.Popen([*_UNSHARE, sys.executable, ENTRY, "_inside", name, *layers])
        _wait(box, die_with)
        _end(box, state.pid("init"))
        cgroups.remove(name)
        if die_with is not None:
            state.remove()


def inside(name: str, layers: Sequence[str]) -> None:
    """Inside the fresh namespaces, still on the machine's file system: enter the box and boot."""
    state = State.of(name)
    # /proc still counts as the machine does
    state.write_pid("init", int(Path("/proc/self").readlink().name))
    cgroup_binds = cgroups.join(name)
    root = mounts.mount_overlay([Path(layer) for layer in layers], state.scratch)
    mounts.mount_kernel(root)
    folders = {state.run: "run/box", state.logs: "var/log/slurm", state.homes: "home", REPO: "src"}
    mounts.bind(root, {**cgroup_binds, **folders})
    socket.sethostname(name)
    _network_up()
    mounts.enter(root)
    boot = ("/usr/bin/python3", ENTRY_IN_BOX, "_boot")
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    environment = {"PATH": path, "LANG": "C.UTF-8", "HOME": "/root"}
    os.execve("/usr/bin/unshare", ["unshare", "--cgroup", *boot], environment)


def _wait(box: subprocess.Popen[bytes], die_with: int | None) -> None:
    """Return when the box has ended, SIGTERM came or the watched process is gone."""
    watched = [os.pidfd_open(box.pid)]
    if die_with is not None:
        try:
            watched.append(os.pidfd_open(die_with))
        except ProcessLookupError:
            return
    with contextlib.suppress(_Terminated):
        signal.signal(signal.SIGTERM, _terminated)
        select.select(watched, [], [])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _end(box: subprocess.Popen[bytes], init: int | None) -> None:
    """Kill the box through its process 1, which ends last and is buried by its parent, `box`."""
    try:
        if box.poll() is None:  # else the number of its process 1 may be somebody else's by now
            os.kill(init or box.pid, signal.SIGKILL)
        box.wait(_PATIENCE_S)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        box.kill()
        box.wait()


class _Terminated(Exception):
    """SIGTERM came."""


def _terminated(number: int, frame: object) -> None:
    raise _Terminated


def _network_up() -> None:
    """Bring up the loopback device, all the network a box has.

    It gets a second address, of those kept for documentation (RFC 5737): without one that is not
    loopback, getaddrinfo with AI_ADDRCONFIG, which Slurm uses, finds nothing to listen on.
    """
    address = struct.pack("16sHH4s8x", b"lo:0", socket.AF_INET, 0, socket.inet_aton("192.0.2.1"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
        fcntl.ioctl(any_socket, _SIOCSIFADDR, address)
