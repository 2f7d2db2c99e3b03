"""How the history stands: whether it is being filled, and what is wrong with it."""

from typing import NamedTuple


class HistoryState(NamedTuple):
    """What the collector says of the history. ``site`` is the name this site's jobs have there."""

    path: str = ""  # of the file; "": history is off, or nothing is known yet
    site: str = ""
    jobs: int | None = None  # kept of this site
    slices_done: int = 0  # of accounting, since the start; each a day at most
    slices_total: int = 0
    message: str = ""  # plain words: that accounting is being read, or why it cannot be
    trouble: str = ""  # why nothing can be added now
    written: int = 0  # grows with each writing that added something: read again

    @property
    def is_filling(self) -> bool:
        """Whether earlier jobs are still being read from accounting."""
        return self.slices_done < self.slices_total
