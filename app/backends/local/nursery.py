"""A small process that forks shepherds for the supervisor.

To fork is to share all memory until one side writes to it: the supervisor, whose heap grows with
its queue, would copy some hundred pages a job. The nursery is forked before the queue is read,
touches next to nothing, and ends with the supervisor.
"""

import array
import os
import pickle
import signal
import socket
import struct
from contextlib import suppress
from typing import NoReturn

from jobshape.app.backends.local.shepherd import Assignment, close_all_but, fork_shepherd

PATIENCE_S = 10.0
_SIZE = struct.Struct("!I")
_ANSWER = struct.Struct("!ii")  # pid and errno, one of them 0
_BROKEN = (OSError, EOFError, struct.error)


class Nursery:
    """The supervisor's end; a nursery that has died is replaced when it is next needed."""

    def __init__(self) -> None:
        self._pid, self._socket = _fork_nursery()

    def start(self, task: Assignment) -> tuple[int, int]:
        """Fork a shepherd; gives its pid and a pidfd. Raises OSError where that is refused."""
        try:
            pid, code, descriptor = self._ask(task)
        except _BROKEN:
            self.close()
            self._pid, self._socket = _fork_nursery()
            raise OSError(11, "the process that starts jobs was gone") from None
        if code:
            raise OSError(code, os.strerror(code))
        return pid, descriptor

    def close(self) -> None:
        """End it."""
        self._socket.close()
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def _ask(self, task: Assignment) -> tuple[int, int, int]:
        body = pickle.dumps(task)
        self._socket.sendall(_SIZE.pack(len(body)) + body)
        data, fds, _, _ = socket.recv_fds(self._socket, _ANSWER.size, 1)
        pid, code = _ANSWER.unpack(data)
        if not code and not fds:
            raise EOFError
        return pid, code, fds[0] if fds else -1


def _fork_nursery() -> tuple[int, socket.socket]:
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _run(theirs)
    theirs.close()
    ours.settimeout(PATIENCE_S)
    return pid, ours


def _run(link: socket.socket) -> NoReturn:
    """Fork shepherds until the supervisor is gone."""
    try:
        close_all_but(link.fileno())
        signal.signal(signal.SIGCHLD, _reap)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        while True:
            (size,) = _SIZE.unpack(_received(link, _SIZE.size))
            task = pickle.loads(_received(link, size))
            _answer(link, task)
    finally:
        os._exit(0)


def _answer(link: socket.socket, task: Assignment) -> None:
    # A child that is not waited for yet keeps its number, so the pidfd is surely its own.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    descriptor = -1
    try:
        pid = fork_shepherd(task)
        descriptor = os.pidfd_open(pid)
        reply, fds = _ANSWER.pack(pid, 0), [descriptor]
    except OSError as error:
        reply, fds = _ANSWER.pack(0, error.errno or 11), []
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    link.sendmsg([reply], rights)
    if descriptor >= 0:
        os.close(descriptor)


def _reap(*_: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _received(link: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = link.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return bytes(data)
