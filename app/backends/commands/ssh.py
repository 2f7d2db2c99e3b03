"""The options ssh is started with: it never asks nor waits for ever, and keeps its connection."""

import os
from contextlib import suppress
from pathlib import Path

_SOCKET_BYTES = 107
"""Longest path of a Unix socket, without its end (unix(7))."""

_SOCKET_NAME = "jobshape-%C"
_SOCKET_NAME_BYTES = len("/jobshape-") + 40 + len(".") + 16  # %C's hash; ssh binds a draft first


def ssh_options(timeout_s: float) -> list[str]:
    """Options for a call that may take this long."""
    options = [
        "BatchMode=yes",
        f"ConnectTimeout={max(1, int(timeout_s / 2))}",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=2",
    ]
    folder = socket_folder()
    if folder is not None:  # one connection for all calls: 10 ms a call instead of 300
        path = str(folder).replace("%", "%%")
        options += [
            "ControlMaster=auto", f'ControlPath="{path}/{_SOCKET_NAME}"', "ControlPersist=120",
        ]  # fmt: skip
    return ["-T", *(word for option in options for word in ("-o", option))]


def socket_folder() -> Path | None:
    """A folder of ours for the socket of a kept connection; None where there is none.

    ssh gives up where it cannot make the socket, so what cannot work is left out: a run-time folder
    that went with the login session, a home that cannot be written, a path that is too long.
    """
    places = [Path(os.environ.get("XDG_RUNTIME_DIR") or "/nowhere")]
    with suppress(RuntimeError):  # no home
        places.append(Path.home() / ".ssh")
    return next(filter(_holds_sockets, places), None)


def _holds_sockets(folder: Path) -> bool:
    path = str(folder)
    if not folder.is_absolute() or not path.isprintable() or set('"\\$').intersection(path):
        return False
    if len(os.fsencode(path)) + _SOCKET_NAME_BYTES > _SOCKET_BYTES:
        return False
    try:
        is_ours = folder.stat().st_uid == os.geteuid()
    except OSError:
        return False
    return is_ours and os.access(folder, os.W_OK | os.X_OK)
