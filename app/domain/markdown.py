"""Texts that others wrote, made harmless in Markdown and still readable as plain text."""

import re

from jobshape.app.domain.text import sanitize

_ANYWHERE = re.compile(r"[\\`*\[\]<>|~&!$]")
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""Between letters it stands for itself: ``train_small``."""
_AT_START = re.compile(r"^\s*(?:\d{1,9}(?=[.)](?:\s|$))|(?=#{1,6}(?:\s|$)|[+-](?:\s|$)|[-=]+\s*$))")
_LINK = re.compile(r"://|\bwww\.", re.IGNORECASE)


def escape_markdown(text: str, *, at_start: bool = False) -> str:
    """One line that Markdown (CommonMark, GitHub's too) shows letter by letter, in a table too.

    at_start: nothing stands before it, so it must not begin a list or a heading either.
    """
    made = _ANYWHERE.sub(r"\\\g<0>", sanitize(text))
    made = _EDGE_UNDERSCORE.sub(r"\\_", made)
    made = _LINK.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", made)
    return _AT_START.sub(r"\g<0>\\", made) if at_start else made
