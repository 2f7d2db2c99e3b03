"""Which lines of a log tell that something went wrong: the plain words for it.

The failure rules know better; they are given to the reader as a :class:`Telling` of their own.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

ERROR, WARNING, PLAIN = "error", "warning", ""
"""Levels of a line."""


class Telling(NamedTuple):
    """How to see it. ``needles`` make a search quick: a line without any of them tells nothing."""

    level_of: Callable[[str], str]  # the text of a line as it is shown -> its level
    needles: tuple[bytes, ...]  # lower case; empty: every line is looked at


_ERRORS = re.compile(
    r"Traceback \(most recent call last\)|\b(?:\w+(?:Error|Exception)|error|fatal|panic)\s*[:\]!]"
    r"|\b(?:ERROR|FATAL|CRITICAL)\b|\bSegmentation fault\b|\bcore dumped\b|\bOOM-?[Kk]ill"
    r"|\bout of memory\b|\bcommand not found\b|\bNo such file or directory\b|\bKilled\b"
    r"|\bPermission denied\b|\bCANCELLED AT\b|\bexit(?:ed)? (?:with )?(?:code|status):? [1-9]"
    r"|\bassertion failed\b|\bcannot allocate\b|\bdisk quota exceeded\b|\bno space left\b",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"\b(?:0|no|without|zero) (?:errors?|fatal)\b|\berrors?\s*[:=]\s*(?:0|none|no)\b", re.IGNORECASE
)
_WARNINGS = re.compile(r"\bwarn(?:ing)?\b|\b\w+Warning\b|\bdeprecated\b", re.IGNORECASE)


def _level_of(text: str) -> str:
    if _ERRORS.search(text) and not _HARMLESS.search(text):
        return ERROR
    return WARNING if _WARNINGS.search(text) else PLAIN


PLAIN_WORDS = Telling(
    _level_of,
    (b"error", b"exception", b"traceback", b"fatal", b"panic", b"critical", b"segmentation",
     b"core dumped", b"oom", b"out of memory", b"not found", b"no such file", b"killed",
     b"denied", b"cancelled at", b"exit", b"assertion failed", b"cannot allocate",
     b"quota exceeded", b"no space left"),
)  # fmt: skip
"""The words that programs commonly use."""
