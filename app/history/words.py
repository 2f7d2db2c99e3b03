"""The texts of the file, each kept once: text <-> number, remembered while the file is open."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

_AT_ONCE = 500  # numbers in one question; old SQLite takes 999


def bound(text: str) -> str | bytes:
    """A text as SQLite takes it, also one with bytes that were no UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape")


def unbound(data: bytes) -> str:
    """What SQLite gives back."""
    return data.decode("utf-8", "surrogateescape")


class Words:
    """Numbers of texts. The empty text has none: it is None, NULL in the file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._numbers: dict[str, int] = {}
        self._texts: dict[int | None, str] = {None: ""}

    def forget(self) -> None:
        """After a transaction that was rolled back: some numbers may not be there."""
        self._numbers.clear()
        self._texts = {None: ""}

    def number(self, text: str) -> int | None:
        """The number of a text, None where the file does not have it."""
        if not text:
            return None
        known = self._numbers.get(text)
        if known is None:
            query = "SELECT id FROM words WHERE text = CAST(? AS TEXT)"
            row = self._db.execute(query, (bound(text),)).fetchone()
            if row is None:
                return None
            known = self._learn(row[0], text)
        return known

    def keep(self, text: str) -> int | None:
        """The number of a text, which is added if need be; inside a transaction only."""
        number = self.number(text)
        if number is None and text:
            added = self._db.execute(
                "INSERT INTO words (text) VALUES (CAST(? AS TEXT))", (bound(text),)
            ).lastrowid
            assert added is not None
            number = self._learn(added, text)
        return number

    def like(self, pattern: str | bytes, most: int) -> list[int] | None:
        """The numbers of texts like a pattern of SQL with ``\\`` as escape; None if above most."""
        rows = self._db.execute(
            "SELECT id FROM words WHERE text LIKE CAST(? AS TEXT) ESCAPE '\\' LIMIT ?",
            (pattern, most + 1),
        ).fetchall()
        return None if len(rows) > most else [number for (number,) in rows]

    def texts(self, numbers: Iterable[int | None]) -> Mapping[int | None, str]:
        """Texts by number, these among them."""
        unknown = [number for number in set(numbers) if number not in self._texts]
        for start in range(0, len(unknown), _AT_ONCE):
            some: list[Any] = unknown[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            for number, text in self._db.execute(
                f"SELECT id, text FROM words WHERE id IN ({marks})", some
            ):
                self._learn(number, text)
        return self._texts

    def _learn(self, number: int, text: str) -> int:
        self._numbers[text] = number
        self._texts[number] = text
        return number
