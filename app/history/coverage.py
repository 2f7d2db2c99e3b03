"""Which times of accounting history has read: pure arithmetic on spans, kept as one fact a site.

``until`` is how far reading was ever planned; ``gaps`` are the spans before it still to be read. A
reader takes the newest slice, which leaves the gaps once its jobs are kept: whoever is killed in
between reads that slice again, and no other.
"""

import json
from typing import NamedTuple

DAY_S = 86400
OVERLAP_S = 600
"""Read once more before the last time: slurmdbd hears of an end later than we ask."""

Span = tuple[int, int]


class Coverage(NamedTuple):
    """What was read and what is missing, in seconds since the epoch; 0: nothing yet."""

    until: int = 0
    gaps: tuple[Span, ...] = ()  # oldest first, none touching another

    def planned(self, now: int, first_days: float, since: int | None = None) -> "Coverage":
        """With everything up to now to be read; the first time, the last ``first_days``.

        since: an earlier time that is worth reading again.
        """
        start = self.until - OVERLAP_S if self.until else now - int(first_days * DAY_S)
        if since is not None:
            start = min(start, since)
        return Coverage(max(now, self.until), _united((*self.gaps, (start, now))))

    def newest(self, longest_s: int = DAY_S) -> Span | None:
        """The slice to read next, None if nothing is missing."""
        if not self.gaps:
            return None
        since, until = self.gaps[-1]
        return max(since, until - longest_s), until

    def without(self, span: Span) -> "Coverage":
        """After this span was read."""
        since, until = span
        left = []
        for start, end in self.gaps:
            left += [(start, min(end, since)), (max(start, until), end)]
        return self._replace(gaps=tuple((a, b) for a, b in left if a < b))

    def slices_left(self, longest_s: int = DAY_S) -> int:
        """How many slices are still to be read."""
        return sum(-(-(end - start) // longest_s) for start, end in self.gaps)

    def text(self) -> str:
        """As it is kept."""
        return json.dumps([self.until, self.gaps])

    @classmethod
    def from_text(cls, text: str) -> "Coverage":
        """What was kept; of a text that makes no sense, nothing was read."""
        try:
            until, gaps = json.loads(text)
            return cls(int(until), tuple((int(a), int(b)) for a, b in gaps))
        except (ValueError, TypeError):
            return cls()


def _united(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    united: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return tuple(united)
