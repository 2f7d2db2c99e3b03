"""What the app has been told of jobs, and what becomes of those that leave the queue.

A job missing from a reading is missing, not finished. It is dropped only if it had not ended when
it was last seen and accounting does not know its end either.
"""

from collections.abc import Iterable, Sequence

TRIES_IN_ACCOUNTING = 3
"""slurmdbd may hear of an end some seconds after the controller."""


class KnownJobs:
    """Jobs the app shows, by id: in the queue, ended and kept, or missing."""

    def __init__(self, *, most_kept: int = 5000) -> None:
        self.most_kept = most_kept
        self.marks: dict[int, int] = {}  # of jobs in the queue
        self._ends: dict[int, int] = {}  # end times of those that have ended, still in the queue
        self.kept: dict[int, int] = {}  # ended, no longer in the queue: end time
        self.missing: dict[int, int] = {}  # not in the queue, end unknown: times asked

    def saw_in_queue(self, ids: Sequence[int], marks: Sequence[int], ends: Sequence[int]) -> None:
        """The app was sent these records of the queue; ends: 0 where a job has not ended."""
        self.marks.update(zip(ids, marks, strict=True))
        for job_id, end in zip(ids, ends, strict=True):
            self.kept.pop(job_id, None)
            self.missing.pop(job_id, None)
            if end:
                self._ends[job_id] = end
            else:
                self._ends.pop(job_id, None)

    def left_queue(self, ids: Iterable[int]) -> None:
        """The queue has these no more: keep what has ended, look for the rest."""
        for job_id in ids:
            if self.marks.pop(job_id, None) is None:
                continue
            end = self._ends.pop(job_id, None)
            if end is not None:
                self.kept[job_id] = end
            else:
                self.missing[job_id] = 0

    def saw_in_accounting(self, ids: Sequence[int], ends: Sequence[int]) -> list[bool]:
        """Whether each of these ended jobs is news for the app; the queue's own word goes first."""
        news = []
        for job_id, end in zip(ids, ends, strict=True):
            wanted = job_id not in self.marks
            if wanted:
                self.missing.pop(job_id, None)
                self.kept[job_id] = end
            news.append(wanted)
        return news

    def not_accounted(self, ids: Iterable[int], *, final: bool = False) -> list[int]:
        """Accounting was asked for these missing jobs in vain; gives those to drop now."""
        dropped = []
        for job_id in ids:
            if job_id in self.missing:
                self.missing[job_id] += 1
                if final or self.missing[job_id] >= TRIES_IN_ACCOUNTING:
                    del self.missing[job_id]
                    dropped.append(job_id)
        return dropped

    def too_old(self, oldest_end: int) -> list[int]:
        """Kept jobs to drop: ended before this time, or beyond the number kept."""
        old = [job_id for job_id, end in self.kept.items() if end < oldest_end]
        surplus = len(self.kept) - len(old) - self.most_kept
        if surplus > 0:
            young = sorted((end, i) for i, end in self.kept.items() if end >= oldest_end)
            old += [job_id for _, job_id in young[:surplus]]
        for job_id in old:
            del self.kept[job_id]
        return old
