"""What a search looks for: a text, or lines that tell of an error."""

from collections.abc import Callable, Sequence
from re import IGNORECASE, Pattern, escape
from re import compile as pattern_of
from typing import Protocol

from jobshape.app.logs.telling import ERROR, Telling

Scan = Callable[[int], int]
"""Place in a block -> the next possible match from there on (or the last one before it); -1."""


class Matcher(Protocol):
    """Finds candidates quickly in bytes, then judges the text of their line."""

    def scan(self, block: bytes) -> Scan:
        """Steps through the candidates of a block, forward."""
        ...

    def scan_back(self, block: bytes) -> Scan:
        """The same backward: the last candidate that begins before a place."""
        ...

    def matches(self, text: str) -> bool:
        """Whether the line, as it is shown, is one of those looked for."""
        ...


class TextMatcher:
    """A plain text. In lower case it is found in any case, else exactly."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.any_case = text == text.lower()
        self._seen = pattern_of(escape(text), IGNORECASE if self.any_case else 0)
        self._needle = text.encode("utf-8", "surrogateescape")
        self._bytes = _any_case_bytes(text) if self.any_case and not text.isascii() else None

    def spans(self, text: str, most: int = 200) -> Sequence[tuple[int, int]]:
        """Where it stands in a text: (start, end) of each, in order."""
        found = []
        for match in self._seen.finditer(text):
            found.append(match.span())
            if len(found) == most:
                break
        return found

    def matches(self, text: str) -> bool:
        """Whether it is in there."""
        return self._seen.search(text) is not None

    def scan(self, block: bytes) -> Scan:
        """Steps through the places where it stands."""
        pattern = self._bytes
        if pattern is not None:
            return lambda start: m.start() if (m := pattern.search(block, start)) else -1
        seen = block.lower() if self.any_case else block
        return lambda start: seen.find(self._needle, start)

    def scan_back(self, block: bytes) -> Scan:
        """The same backward."""
        if self._bytes is not None:
            places = [match.start() for match in self._bytes.finditer(block)]
            return lambda end: max((place for place in places if place < end), default=-1)
        seen = block.lower() if self.any_case else block
        size = len(self._needle)
        return lambda end: seen.rfind(self._needle, 0, end + size - 1)


class ErrorMatcher:
    """Lines that tell of an error."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling

    def matches(self, text: str) -> bool:
        """Whether it is such a line."""
        return self._telling.level_of(text) == ERROR

    def scan(self, block: bytes) -> Scan:
        """Steps through the places where one of the words stands."""
        needles = self._telling.needles
        if not needles:
            return lambda start: start if start < len(block) else -1
        seen = block.lower()
        following = {word: place for word in needles if (place := seen.find(word)) >= 0}

        def next_from(start: int) -> int:
            for word, place in list(following.items()):
                if place < start:
                    following[word] = seen.find(word, start)
                    if following[word] < 0:
                        del following[word]
            return min(following.values(), default=-1)

        return next_from

    def scan_back(self, block: bytes) -> Scan:
        """The same backward."""
        needles = self._telling.needles
        if not needles:
            return lambda end: end - 1
        seen = block.lower()
        return lambda end: max(seen.rfind(word, 0, end + len(word) - 1) for word in needles)


def _any_case_bytes(text: str) -> Pattern[bytes]:
    """Each letter of the text in both cases, as UTF-8: bytes know the cases of ASCII only."""
    letters = (
        b"|".join(escape(form.encode("utf-8", "surrogateescape")) for form in {one, one.upper()})
        for one in text
    )
    return pattern_of(b"".join(b"(?:%s)" % letter for letter in letters))
