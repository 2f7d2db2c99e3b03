"""What a person sees of the bytes of one line: the last state of a progress bar, no codes."""

import re
from typing import NamedTuple

from jobshape.app.domain.text import sanitize

ESCAPES = re.compile(
    rb"\x1b(?:"
    rb"\[[0-?]*[ -/]*[@-~]"  # colours, cursor movements
    rb"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # titles, links, device control
    rb"|[ -/]*[0-OQ-WYZ\\`-~])"  # the rest, which is short
)
"""What programs send to a terminal besides text (ECMA-48)."""

_NULS = re.compile("\0{4,}")
_TAB = 8
_PICTURE = "\ufe0f"  # asks for a wide picture: terminals disagree on its width
_LAST_STATES = 8
"""How many blank last states of a progress bar are looked past."""


class Shown(NamedTuple):
    """The text of a line, safe to draw, and how many states of it were overwritten before."""

    text: str
    overwritten: int = 0


def shown(raw: bytes) -> Shown:
    """The text of a line's bytes, with or without its end.

    Of what was overwritten by a carriage return only the last state that is not blank remains;
    backspaces delete; tabs are spaces; long runs of NUL, which a truncated file leaves, are told.
    """
    raw = raw.removesuffix(b"\n").strip(b"\r")
    overwritten = 0
    if b"\r" in raw:
        overwritten = raw.count(b"\r") - raw.count(b"\r\r")
        raw = _last_state(raw)
    if b"\x1b" in raw:
        raw = ESCAPES.sub(b"", raw)
    text = raw.decode("utf-8", "replace")
    if "\b" in text:
        text, deleted = _without_backspaces(text)
        overwritten += deleted
    if "\t" in text:
        text = text.expandtabs(_TAB)
    if "\0" in text:
        text = _NULS.sub(lambda run: f"[{len(run[0]):,} NUL bytes]", text)
    return Shown(sanitize(text).replace(_PICTURE, ""), overwritten)


def _last_state(raw: bytes) -> bytes:
    for _ in range(_LAST_STATES):
        before, _, last = raw.rpartition(b"\r")
        if ESCAPES.sub(b"", last).strip() or not before:
            return last
        raw = before
    return raw.rpartition(b"\r")[2]


def _without_backspaces(text: str) -> tuple[str, int]:
    """The text as a terminal would leave it, and how often it was gone back over."""
    kept: list[str] = []
    runs = 0
    for part in re.split("(\b+)", text):
        if part.startswith("\b"):
            runs += 1
            del kept[max(0, len(kept) - len(part)) :]
        else:
            kept.extend(part)
    return "".join(kept), runs
