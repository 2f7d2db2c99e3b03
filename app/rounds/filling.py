"""``${name}`` in a text, and values put in its place; ``$${`` stands for ``${`` itself."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

_PART = re.compile(r"\$\$\{|\$\{([^{}$]*)\}")
_OPEN = re.compile(r"(?<!\$)\$\{(?![^{}$]*\})")


def references(text: str) -> list[str]:
    """The names a text refers to, in order."""
    return [match[1] for match in _PART.finditer(text) if match[1] is not None]


class Fill:
    """A text cut once, to be filled many times."""

    __slots__ = ("_literals", "_names")

    def __init__(self, text: str) -> None:
        names: list[str] = []
        literals = [""]
        at = 0
        for match in _PART.finditer(text):
            literals[-1] += text[at : match.start()]
            at = match.end()
            if match[1] is None:
                literals[-1] += "${"
            else:
                names.append(match[1])
                literals.append("")
        literals[-1] += text[at:]
        self._names, self._literals = tuple(names), tuple(literals)

    @property
    def is_plain(self) -> bool:
        """Whether it is the same whatever is filled in."""
        return not self._names

    def __call__(self, values: Mapping[str, str]) -> str:
        """The text with these values. Raises KeyError for one that is missing."""
        literals = self._literals
        if not self._names:
            return literals[0]
        filled = chain.from_iterable(
            (values[name], literal) for name, literal in zip(self._names, literals[1:], strict=True)
        )
        return literals[0] + "".join(filled)

    @staticmethod
    def problem(text: str) -> str:
        """What is wrong with the references of a text; empty if nothing is."""
        if _OPEN.search(text):
            return "has a ${ without its }"
        return ""


def fill_all(texts: Sequence[str]) -> Callable[[Mapping[str, str]], tuple[str, ...]]:
    """Fills several texts at once; those that refer to nothing cost nothing."""
    fills = tuple(map(Fill, texts))
    if all(fill.is_plain for fill in fills):
        same = tuple(fill({}) for fill in fills)
        return lambda values: same
    return lambda values: tuple([fill(values) for fill in fills])
