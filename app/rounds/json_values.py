"""Values in JSON files: what stands at a place, and whether it is what it has to be."""

import json
import math
import os
import re
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from jobshape.app.domain.text import sanitize
from jobshape.app.rounds import json_child

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest_checks import JsonCondition

MOST_BYTES = 16 * 2**20
MOST_HERE = 2**20
"""A larger file is read by a process of its own: it may take ten times its size of memory."""

LONGEST_S = 15.0

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")


class NoValue(Exception):
    """The file or the value cannot be had; the text says why."""


def read_values(path: str, folder: Path, ways: Sequence[str]) -> list[Any | NoValue]:
    """What stands at places of a JSON file of 16 MiB at most, or why nothing does. Raises NoValue.

    A way is like ``eval.scores.0``; of mappings and lists nobody is told what they hold.
    """
    try:
        # Opened without waiting: a pipe of that name must not hold everything up.
        handle = os.open(folder / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            found = _found_in(file, ways)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoValue("is not there") from error
    except (OSError, ValueError) as error:
        raise NoValue(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return [
        one[0] if one else NoValue(f"has no {sanitize(way)}")
        for one, way in zip(found, ways, strict=True)
    ]


def _found_in(file: IO[bytes], ways: Sequence[str]) -> list[list[Any]]:
    known = os.fstat(file.fileno())
    if not stat.S_ISREG(known.st_mode):
        raise NoValue("is no file")
    if known.st_size > MOST_BYTES:
        raise NoValue(f"is larger than {MOST_BYTES // 2**20} MiB")
    if known.st_size > MOST_HERE:
        return _found_by_child(file, ways)
    try:
        return json_child.values_at(json.loads(file.read(known.st_size)), ways)
    except (ValueError, RecursionError) as error:
        raise _no_json(str(error)) from error


def _found_by_child(file: IO[bytes], ways: Sequence[str]) -> list[list[Any]]:
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", json_child.__file__, *ways],
            stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=LONGEST_S, check=True,
        )  # fmt: skip
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise NoValue(f"needs more than {LONGEST_S:g} s to read") from error
    except subprocess.CalledProcessError as error:
        raise NoValue(f"cannot be read: {error}") from error
    if "trouble" in answer:
        raise _no_json(answer["trouble"])
    found: list[list[Any]] = answer["found"]
    return found


def _no_json(why: str) -> NoValue:
    return NoValue(f"is no JSON: {sanitize(why)[:200]}")


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
