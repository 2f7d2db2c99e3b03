"""Values in JSON files: the way to one, and whether it is what it has to be."""

import json
import math
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobshape.app.domain.text import sanitize

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest import JsonCondition

MOST_BYTES = 16 * 2**20

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")
_PLACE = re.compile(r"-?[0-9]{1,9}")


class NoValue(Exception):
    """The file or the value cannot be had; the text says why."""


def read_json(path: str, folder: Path) -> Any:
    """The document in a file of 16 MiB at most. Raises NoValue."""
    try:
        # Opened without waiting: a pipe of that name must not hold everything up.
        handle = os.open(folder / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NoValue("is no file")
            content = file.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoValue("is not there") from error
    except (OSError, ValueError) as error:
        raise NoValue(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > MOST_BYTES:
        raise NoValue(f"is larger than {MOST_BYTES // 2**20} MiB")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NoValue(f"is no JSON: {sanitize(str(error))[:200]}") from error


def value_at(document: Any, way: str) -> Any:
    """The value a way like ``eval.scores.0`` leads to; -1 is a list's last. Raises NoValue.

    A name may have dots of its own: ``a.b`` finds b in a, else the name "a.b".
    """
    found = list(_found(document, way.split(".")))
    if not found:
        raise NoValue(f"has no {sanitize(way)}")
    return found[0]


def _found(value: Any, parts: list[str]) -> list[Any]:
    """The value, in a list; an empty one if there is none."""
    if not parts:
        return [value]
    if isinstance(value, list):
        if _PLACE.fullmatch(parts[0]) and -len(value) <= int(parts[0]) < len(value):
            return _found(value[int(parts[0])], parts[1:])
    elif isinstance(value, dict):
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if name in value and (found := _found(value[name], parts[end:])):
                return found
    return []


def number_in(text: str) -> int | float | None:
    """The finite number that a text is, as people and programs write it; else None."""
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None


def finite(value: Any) -> float | None:
    """A JSON value as a finite number; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def unmet(value: Any, condition: "JsonCondition") -> list[str]:
    """What of a condition a value does not meet, in words: "below 2.0"."""
    number = value if _is_number(value) else None
    said = []
    if condition.below is not None and not (number is not None and number < condition.below):
        said.append(f"below {condition.below}")
    if condition.at_most is not None and not (number is not None and number <= condition.at_most):
        said.append(f"at most {condition.at_most}")
    if condition.above is not None and not (number is not None and number > condition.above):
        said.append(f"above {condition.above}")
    if condition.at_least is not None and not (number is not None and number >= condition.at_least):
        said.append(f"at least {condition.at_least}")
    if condition.equals is not None and not is_equal(value, condition.equals):
        said.append(sanitize(condition.equals)[:60])
    return said


def _is_number(value: Any) -> bool:
    """Whether it is one that can be compared: finite, and not true or false."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def is_equal(value: Any, text: str) -> bool:
    """Whether a JSON value is what a text of the manifest says."""
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, str):
        return value == text
    return _is_number(value) and number_in(text) == value


def shown(value: Any) -> str:
    """A value in a few letters."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, str):
        text = value if len(value) <= 60 else f"{value[:57]}..."
        return f'"{sanitize(text)}"'
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
