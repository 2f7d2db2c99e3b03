"""The one exception family of the boxes."""

from __future__ import annotations


class BoxError(Exception):
    """A box could not be built, brought up or used; says what and what to do about it."""

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(f"{what} ({hint})" if hint else what)
        self.what = what
        self.hint = hint
