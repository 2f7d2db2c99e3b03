"""The lines at hand around what is on screen, bounded however far one scrolls."""

from jobshape.app.logs.cut import Line
from jobshape.app.logs.reader import Stretch

MOST_LINES = 4000
MOST_CHARS = 4_000_000
"""What is kept; beyond it the far end is let go."""


class LogWindow:
    """Neighbouring lines of a log; grows at both ends."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.size = 0  # of the whole file, as last heard
        self._chars = 0

    @property
    def at_start(self) -> bool:
        """Whether the file's first line is here."""
        return bool(self.lines) and self.lines[0].start == 0

    @property
    def at_end(self) -> bool:
        """Whether the file's last line is here, as far as is known."""
        return bool(self.lines) and self.lines[-1].end >= self.size

    @property
    def resume_at(self) -> int:
        """From where what was appended is read: a last line that may have grown, else the end."""
        if not self.lines:
            return 0
        last = self.lines[-1]
        return last.end if last.is_whole else last.start

    def replace(self, stretch: Stretch) -> None:
        """Only these lines from now on."""
        self.lines = list(stretch.lines)
        self.size = stretch.part.size
        self._chars = sum(len(line.text) for line in self.lines)

    def prepend(self, stretch: Stretch, seen: int) -> int:
        """Lines that end where the first one here begins; gives how many were put there.

        seen: so many of the lines here stay, those up to the last one on screen.
        """
        if not stretch.lines or (self.lines and stretch.lines[-1].end != self.lines[0].start):
            return 0
        self.lines[:0] = stretch.lines
        self._chars += sum(len(line.text) for line in stretch.lines)
        while self._is_too_much() and len(self.lines) > len(stretch.lines) + seen:
            self._chars -= len(self.lines.pop().text)
        return len(stretch.lines)

    def append(self, stretch: Stretch, unseen: int) -> int:
        """Lines that go on at ``resume_at`` or at the end; gives how many were dropped in front.

        unseen: no more than so many are dropped, those before the first one on screen.
        """
        self.size = max(self.size, stretch.part.size)
        if not stretch.lines:
            return 0
        start = stretch.lines[0].start
        if self.lines and self.lines[-1].start == start:
            self._chars -= len(self.lines.pop().text)
        if self.lines and self.lines[-1].end != start:
            return 0
        self.lines.extend(stretch.lines)
        self._chars += sum(len(line.text) for line in stretch.lines)
        return self._drop_in_front(most=unseen)

    def index_of(self, offset: int) -> int | None:
        """Which of the lines holds this offset."""
        low, high = 0, len(self.lines)
        while low < high:
            middle = (low + high) // 2
            if self.lines[middle].end <= offset:
                low = middle + 1
            else:
                high = middle
        if low < len(self.lines) and self.lines[low].start <= offset:
            return low
        return None

    def _drop_in_front(self, most: int) -> int:
        dropped = 0
        while dropped < most and self._is_too_much(dropped):
            self._chars -= len(self.lines[dropped].text)
            dropped += 1
        del self.lines[:dropped]
        return dropped

    def _is_too_much(self, less: int = 0) -> bool:
        """Whether more is kept than should be; ``less``: so many of the lines are let go."""
        return len(self.lines) - less > MOST_LINES or self._chars > MOST_CHARS
