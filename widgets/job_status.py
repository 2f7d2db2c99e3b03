"""The job screen's line above the keys: which job, and which part of what is known of it."""

from jobshape.widgets.spans import Piece
from jobshape.widgets.status_line import StatusLine
from jobshape.widgets.text import clean


class JobStatus(StatusLine):
    """The job's id and the tab that is seen."""

    place: tuple[str, str] = ("", "")

    def left(self, width: int) -> list[Piece]:
        """Both, and what the tab says of itself."""
        label, tab = (clean(text, self._glyphs) for text in self.place)
        return [(f" {label}", self.palette.frame_strong), (f"  {tab}", self.palette.frame)]
