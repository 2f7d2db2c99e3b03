"""A stretch of a job's log, as some machine that sees the file gave it."""

from typing import NamedTuple

MAX_PART_BYTES = 256 << 10
"""The most that one call to a site brings: a log is read in pieces, never as a whole."""

FOUND, MISSING, NO_FOLDER, UNREADABLE = "found", "missing", "no folder", "unreadable"
"""States of a log: there; not there; nor is its folder; there, but not to be read."""


class LogPart(NamedTuple):
    """Bytes of a log and what was known of the whole file at that moment.

    ``offset`` is where ``data`` begins; past the end, and for anything but ``FOUND``, it is empty.
    """

    state: str
    why: str = ""  # the system's own words where it is not FOUND
    offset: int = 0
    data: bytes = b""
    size: int = 0  # of the whole file
    modified_at: float | None = None  # seconds since the epoch
    mark: str = ""  # another mark under the same path is another file

    @property
    def end(self) -> int:
        """The offset after the last byte of ``data``."""
        return self.offset + len(self.data)
