"""The board's door to :mod:`jobshape.app.domain.text`."""

from jobshape.app.domain.text import sanitize

__all__ = ["sanitize"]
