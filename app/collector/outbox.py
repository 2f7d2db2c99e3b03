"""Frames on their way to the app: written when the pipe has room, never blocking."""

import os
from collections import deque

from jobshape.app.collector.wire import Frame


class Outbox:
    """A queue of bytes in front of a pipe. ``closed`` once the reader is gone."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._parts: deque[memoryview] = deque()
        self.waiting_bytes = 0
        self.closed = False
        os.set_blocking(fd, False)

    def put(self, frame: Frame) -> None:
        """Write a frame, or as much of it as fits now."""
        data = memoryview(frame.encode())
        self._parts.append(data)
        self.waiting_bytes += len(data)
        self.flush()

    def flush(self) -> None:
        """Write what fits now."""
        try:
            while self._parts:
                part = self._parts.popleft()
                written = 0
                try:
                    written = os.write(self._fd, part)
                finally:
                    self.waiting_bytes -= written
                    if written < len(part):
                        self._parts.appendleft(part[written:])
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self.closed = True
            self._parts.clear()
            self.waiting_bytes = 0
