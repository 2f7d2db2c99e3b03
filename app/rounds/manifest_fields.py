"""What the fields of a manifest may hold: texts, numbers, paths, words, each with its own words.

They come as the texts that stand in the file; an error says what is wrong in the person's terms.
"""

import re
from contextlib import suppress
from typing import Annotated, Any

from jobshape.app.domain.entry import BadEntry, read_entry
from jobshape.app.domain.job import UNLIMITED
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Names of projects, stages and phases: they become parts of job and file names."""

PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def _number(value: Any) -> Any:
    if isinstance(value, str):
        with suppress(ValueError):
            return float(value)
        raise ValueError(f"must be a number, not {value!r}")
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{1,9}", value):
            raise ValueError(f"must be a whole number, not {value!r}")
        return int(value)
    return value


def _truth(value: Any) -> Any:
    if isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise ValueError(f"must be true or false, not {value!r}")
        return value.lower() == "true"
    return value


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return pattern


def _seconds(text: str) -> str:
    try:
        seconds = read_entry("duration", text)
    except BadEntry as error:
        raise ValueError(f"{text!r} is no time: {error}") from None
    if not seconds or seconds == UNLIMITED:
        raise ValueError("must be a time, like 0:30:00 or 2h")
    return text


def _path(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has control characters")
    return text


def _word(text: str) -> str:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("has letters that no command can be given")
    return text


_SCALAR_SCHEMA = {"type": ["string", "number", "boolean"]}
Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(_whole)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Name = Annotated[str, Field(pattern=NAME)]
Regex = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_regex)]
Duration = Annotated[str, AfterValidator(_seconds), WithJsonSchema({"type": ["string", "integer"]})]
Path = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_path)]
Word = Annotated[
    str, Field(max_length=100_000), AfterValidator(_word), WithJsonSchema(_SCALAR_SCHEMA)
]
"""A word of a command, or a parameter's value, as it stands in the file."""
Words = tuple[Word, ...]
Command = Annotated[tuple[Word, ...], Field(min_length=1)]
"""The words of a command; never a line for a shell."""


class Part(BaseModel):
    """Any part of a manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def one_of(part: BaseModel, names: tuple[str, ...]) -> None:
    """Raises ValueError unless exactly one of these fields is given."""
    given = [name for name in names if getattr(part, name) is not None]
    if len(given) != 1:
        listed = ", ".join(f"`{name}`" for name in names)
        said = f"has {' and '.join(f'`{n}`' for n in given)}" if given else "has none"
        raise ValueError(f"needs exactly one of {listed}; it {said}")
