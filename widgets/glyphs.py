"""The few signs the screens draw besides letters, in Unicode and in plain ASCII."""

from typing import NamedTuple


class Glyphs(NamedTuple):
    """One set of signs; every one is a single cell wide."""

    bar_full: str
    bar_half: str
    bar_empty: str
    sort_up: str
    sort_down: str
    fold_open: str
    fold_closed: str
    mark: str
    ellipsis: str
    infinity: str
    caret: str
    rule: str
    dot: str
    down: str
    is_ascii: bool = False


UNICODE = Glyphs(
    bar_full="━", bar_half="╸", bar_empty="─", sort_up="▲", sort_down="▼", fold_open="▾",
    fold_closed="▸", mark="●", ellipsis="…", infinity="∞", caret="^", rule="│", dot="·", down="↓",
)  # fmt: skip

ASCII = Glyphs(
    bar_full="#", bar_half="#", bar_empty=".", sort_up="^", sort_down="v", fold_open="-",
    fold_closed="+", mark="*", ellipsis="~", infinity="-", caret="^", rule="|", dot="-", down="v",
    is_ascii=True,
)  # fmt: skip

_PLAIN = str.maketrans(
    {"∞": "-", "…": "~", "·": "-", "→": ">", "×": "x", "–": "-", "—": "-", "▲": "^", "▼": "v",
     "↑": "^", "↓": "v", "←": "<", "≥": ">=", "≤": "<="}
)  # fmt: skip


def plain(text: str) -> str:
    """The text in ASCII: our own signs by their nearest letter, every other by a question mark."""
    return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")
