"""Texts that others wrote (names, comments, paths), made harmless to draw."""

import unicodedata

_DANGEROUS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that steer a terminal or a layout: controls, bidi marks, lone surrogates."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def _visible(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)  # Unicode's control pictures: ␛ ␊ ␉
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    category = unicodedata.category(character)
    if category in _DANGEROUS:
        return _REPLACEMENT
    return " " if category == "Zs" else character


def sanitize(text: str) -> str:
    """The text on one line without any control character, each replaced by a visible sign.

    One character stays one character. Controls of C0 become their Unicode picture; C1, bidi and
    format marks, line separators and bytes that were no UTF-8 become U+FFFD; odd spaces a space.
    """
    return text if text.isprintable() else "".join(map(_visible, text))
