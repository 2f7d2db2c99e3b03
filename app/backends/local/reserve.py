"""Room on the disk that is kept for the queue, so that a job that fills it can still be ended."""

import os
from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = 1 << 20
ENOUGH_BYTES = 8 * RESERVE_BYTES
"""As much must be free before room is kept again; until then the queue needs what there is."""


class Reserve:
    """A file of no content that is given up once the disk is full."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.is_there = False

    def make(self) -> None:
        """Keep the room, if there is plenty."""
        try:
            there = os.statvfs(self._path.parent)
            if self._path.exists() or there.f_bavail * there.f_frsize >= ENOUGH_BYTES:
                self._allocate()
                self.is_there = True
        except OSError:  # not on this file system
            self.give_up()

    def give_up(self) -> bool:
        """Free the room; whether there was any."""
        had, self.is_there = self.is_there, False
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        return had

    def _allocate(self) -> None:
        fd = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(fd, 0, RESERVE_BYTES)
        finally:
            os.close(fd)
