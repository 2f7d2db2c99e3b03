"""Which line of a TOML text each key stands on; tomllib does not say.

Reads only texts that tomllib has accepted, so it never has to judge them.
"""

import re
from collections.abc import Mapping

Key = tuple[str | int, ...]
"""A way into the document: ("ui", "theme"), ("stage_rules", 1, "name")."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"(?:[ \t]|#[^\n]*|\r?\n)*")
_BLANK = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^,\]}\n#]*")
_STRINGS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r'"""(?:\\.|(?!""").)*"{3,5}',
        r"'''(?:(?!''').)*'{3,5}",
        r'"(?:\\.|[^"\\])*"',
        r"'[^']*'",
    )
)


def lines_of(text: str) -> dict[Key, int]:
    """The line, from 1, of every key and array element in a valid TOML text."""
    return _Scanner(text).scan()


def spans_of(text: str) -> dict[Key, tuple[int, int]]:
    """Where the value of every key and array element begins and ends in a valid TOML text."""
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.spans


def line_for(lines: Mapping[Key, int], key: Key) -> int | None:
    """The line of a key or, where it is not in the text (a missing one), of what holds it."""
    for end in range(len(key), 0, -1):
        if key[:end] in lines:
            return lines[key[:end]]
    return None


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[Key, int] = {}
        self.spans: dict[Key, tuple[int, int]] = {}
        self._tables: dict[Key, int] = {}  # array of tables -> how many so far

    def scan(self) -> dict[Key, int]:
        table: Key = ()
        while self._skip(_SPACE) < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at

    def _mark(self, key: Key) -> None:
        """Note the line of the key here; a table opened twice keeps its first line."""
        self._lines.setdefault(key, self._text.count("\n", 0, self._at) + 1)

    def _header(self) -> Key:
        array = self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        key = self._inside_arrays(self._dotted_key(()), array)
        self._at += 2 if array else 1
        return key

    def _inside_arrays(self, written: Key, opens: bool) -> Key:
        """The way to a table as written, with the index of the last element of each array on it."""
        key: Key = ()
        for part in written:
            key += (part,)
            self._mark(key)
            if key in self._tables and not (opens and len(_names(key)) == len(written)):
                key += (self._tables[key] - 1,)
        if opens:
            index = self._tables.get(key, 0)
            self._tables[key] = index + 1
            key += (index,)
            self._mark(key)
        return key

    def _dotted_key(self, table: Key) -> Key:
        key = table
        while True:
            self._skip(_BLANK)
            key += (self._word(),)
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return key
            self._at += 1

    def _word(self) -> str:
        start = self._at
        if self._text[start] in "\"'":
            self._string()
            raw = self._text[start : self._at]
            return raw[1:-1] if raw[0] == "'" else _unescape(raw)
        self._skip(_BARE)
        return self._text[start : self._at]

    def _string(self) -> None:
        self._at = next(m.end() for p in _STRINGS if (m := p.match(self._text, self._at)))

    def _pair(self, table: Key) -> None:
        start = self._at
        key = self._dotted_key(table)
        after, self._at = self._at, start
        for end in range(len(table) + 1, len(key) + 1):
            self._mark(key[:end])
        self._at = after + 1  # the equals sign
        self._skip(_BLANK)
        self._value(key)

    def _value(self, key: Key) -> None:
        start = self._at
        self._skip_value(key)
        self.spans[key] = (start, self._at)

    def _skip_value(self, key: Key) -> None:
        opening = self._text[self._at]
        if opening in "\"'":
            self._string()
        elif opening == "[":
            self._array(key)
        elif opening == "{":
            self._inline_table(key)
        else:
            self._skip(_SCALAR)

    def _array(self, key: Key) -> None:
        self._at += 1
        index = 0
        while self._text[self._skip(_SPACE)] != "]":
            self._mark((*key, index))
            self._value((*key, index))
            index += 1
            if self._text[self._skip(_SPACE)] == ",":
                self._at += 1
        self._at += 1

    def _inline_table(self, key: Key) -> None:
        self._at += 1
        while self._text[self._skip(_SPACE)] != "}":
            self._pair(key)
            if self._text[self._skip(_SPACE)] == ",":
                self._at += 1
        self._at += 1


def _names(key: Key) -> list[str]:
    return [part for part in key if isinstance(part, str)]


def _unescape(raw: str) -> str:
    if "\\" not in raw:
        return raw[1:-1]
    import tomllib

    word: str = tomllib.loads(f"k = {raw}")["k"]
    return word
