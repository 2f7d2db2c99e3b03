"""Texts that others wrote, made harmless in Markdown and still readable as plain text."""

import re

from jobshape.app.domain.text import sanitize

_ANYWHERE = re.compile(r"[\\`*\[\]<>|~&!$]")
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""Between letters it stands for itself: ``train_small``."""
_AT_START = re.compile(r"^(\s*\d{0,9})([#+=:-]|(?<=\d)[.)])")
_LINK = re.compile(r"://|\bwww\.", re.IGNORECASE)


def escape_markdown(text: str) -> str:
    """One line that Markdown (CommonMark, GitHub's too) shows letter by letter, in a table too."""
    made = _ANYWHERE.sub(r"\\\g<0>", sanitize(text))
    made = _EDGE_UNDERSCORE.sub(r"\\_", made)
    made = _LINK.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", made)
    return _AT_START.sub(r"\1\\\2", made)
