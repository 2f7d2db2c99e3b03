"""The socket between clients and the supervisor: one JSON request, one JSON answer.

Both ends ask the kernel who the other is and talk to their own user only. A socket's path may hold
108 bytes, so a longer one goes through /proc/self/fd.
"""

import json
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobshape.app.domain.errors import ERRORS, BackendError, Unreachable

PROTOCOL = 2
"""Grows when requests change; a supervisor that speaks another one lets a new one take over."""

MOST_BYTES = 256 << 20
_HEAD = struct.Struct("!I")
_LONGEST_PATH = 100
_UCRED = struct.Struct("3i")


class NobodyThere(Exception):
    """No supervisor listens."""


def encode(message: dict[str, Any]) -> bytes:
    """A message as bytes."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return _HEAD.pack(len(body)) + body


class MessageReader:
    """Puts messages together from whatever arrives."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> dict[str, Any] | None:
        """The message once it is whole. Raises ValueError for what is none."""
        self._buffer += data
        if len(self._buffer) < _HEAD.size:
            return None
        (size,) = _HEAD.unpack_from(self._buffer)
        if size > MOST_BYTES:
            raise ValueError(f"a message of {size} bytes")
        if len(self._buffer) < _HEAD.size + size:
            return None
        message = json.loads(bytes(self._buffer[_HEAD.size : _HEAD.size + size]))
        if not isinstance(message, dict):
            raise ValueError("not an object")
        return message


def peer_is_us(connection: socket.socket) -> bool:
    """Whether the process at the other end has our user."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(data)
    return bool(uid == os.geteuid())


def listen(path: Path) -> socket.socket:
    """Listen there, in place of whatever was left there. Raises OSError."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with _short(path) as name:
            listener.bind(name)
    finally:
        os.umask(before)
    listener.listen(128)
    listener.setblocking(False)
    return listener


def ask(path: Path, message: dict[str, Any], timeout_s: float) -> Any:
    """The value of the answer. Raises NobodyThere, or the BackendError that it holds."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with connection:
        connection.settimeout(timeout_s)
        try:
            with _short(path) as name:
                connection.connect(name)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NobodyThere from error
        except OSError as error:
            raise _no_answer(path, str(error)) from error
        if not peer_is_us(connection):
            raise BackendError("another user listens on the local site's socket", where=str(path))
        try:
            connection.sendall(encode(message))
            answer = _received(connection)
        except TimeoutError as error:
            raise _no_answer(path, f"no answer for {timeout_s:.0f} s") from error
        except (OSError, ValueError) as error:
            raise _no_answer(path, str(error)) from error
    if answer is None:
        raise _no_answer(path, "the supervisor ended before it answered")
    if "error" in answer:
        kind, what, where, hint = answer["error"]
        raise ERRORS.get(kind, BackendError)(what, where=where, hint=hint)
    return answer.get("value")


def error_message(error: BackendError) -> dict[str, Any]:
    """The answer that carries an error."""
    return {"error": [type(error).__name__, error.what, error.where, error.hint]}


def _received(connection: socket.socket) -> dict[str, Any] | None:
    reader = MessageReader()
    while data := connection.recv(1 << 16):
        answer = reader.feed(data)
        if answer is not None:
            return answer
    return None


def _no_answer(path: Path, why: str) -> Unreachable:
    return Unreachable(f"the local supervisor gives no answer: {why}", where=str(path),
                       hint=f"its log is {path.parent / 'supervisor.log'}")  # fmt: skip


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name for the socket that is short enough."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
