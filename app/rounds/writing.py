"""Writes a value into a manifest: only its letters change, so every comment stays."""

import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobshape.app.domain.errors import ConfigError
from jobshape.app.rounds.reading import ManifestFile, field_name, read_manifest, read_text
from jobshape.app.rounds.yaml_text import Document, Key, Problem, read_yaml

_PLAIN = re.compile(r"[A-Za-z0-9_./+%-][A-Za-z0-9_./+%:=@-]*")
_SPECIAL = re.compile(r"[-?:]|[?:-]?$|.*:|---|\.\.\.|(?i:null|~)", re.DOTALL)

Value = str | int | float | bool | Sequence[Any] | dict[str, Any]


def with_value(text: str, key: Key, value: Value) -> str:
    """The YAML text with another value, or a new name in a mapping that is there.

    What comes through an anchor, and so stands in several places, is refused: it would change them
    all. Raises Problem.
    """
    document = read_yaml(text)
    if not key or document.problems:
        raise document.problems[0] if document.problems else Problem("names no field")
    place = document.places.get(key)
    if place is None:
        new = _with_name(text, document, key, value)
    else:
        if sum(1 for other in document.places.values() if other == place) > 1 or _is_shared(
            text, place.start, document, key
        ):
            raise Problem("stands behind an anchor: change it by hand", key=key, place=place)
        new = _spliced(text, document, key, value)
    expected = _changed(document.values, key, value)
    if read_yaml(new).values != expected:
        raise Problem("cannot be changed without changing more: change it by hand", key=key)
    return new


def write_value(file: ManifestFile, key: Key, value: Value) -> ManifestFile:
    """Write it into the file, which must not have changed and must hold afterwards.

    Raises ConfigError; then nothing was written.
    """
    path = file.path.resolve()  # a link stays one: what it leads to is replaced
    if read_manifest(path).text != file.text:
        raise ConfigError("has changed since it was read", where=str(path), hint="try again")
    try:
        new = with_value(file.text, key, value)
    except Problem as problem:
        raise file.error([problem]) from problem
    made = read_text(new, file.path)
    try:
        _replace(path, new)
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise ConfigError(what, where=f"{path}: {field_name(key)}") from error
    return made


def _replace(path: Path, text: str) -> None:
    mode = path.stat().st_mode & 0o777
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _is_shared(text: str, start: int, document: Document, key: Key) -> bool:
    """Whether the value lies in something that an anchor stands before or a merge brought."""
    for end in range(1, len(key) + 1):
        place = document.places[key[:end]]
        name = document.names.get(key[:end])
        if name is not None and text[name.end : place.start].strip(" \t:").startswith(("&", "*")):
            return True
        if text[place.start : place.start + 1] in ("&", "*"):
            return True
        if name is not None and not document.places[key[: end - 1]].start <= name.start:
            return True
    return False


def _spliced(text: str, document: Document, key: Key, value: Value) -> str:
    place = document.places[key]
    start, end = place.start, place.end
    if start == end:  # nothing stands there, and comments may come before what follows
        if key not in document.names:
            raise Problem("is empty: write it by hand", key=key, place=place)
        start = end = text.index(":", document.names[key].end) + 1
    old = text[start:end]
    is_block = isinstance(_at(document.values, key), dict | list) and key not in document.flow
    if is_block and not old.startswith("["):
        raise Problem("is written over several lines: change it by hand", key=key, place=place)
    if old.startswith(("|", ">")):
        raise Problem("is a text of several lines: change it by hand", key=key, place=place)
    lead = " " if text[start - 1 : start] in (":", "-") else ""
    return f"{text[:start]}{lead}{written(value)}{text[end:]}"


def _with_name(text: str, document: Document, key: Key, value: Value) -> str:
    """A new name stands before the first one of its mapping, where no comment can be torn off."""
    holder, name = key[:-1], key[-1]
    values = _at(document.values, holder)
    if not isinstance(values, dict) or not isinstance(name, str):
        raise Problem("is not there, and cannot be added", key=key)
    place = document.places[holder]
    if holder and (
        sum(1 for other in document.places.values() if other == place) > 1
        or _is_shared(text, place.start, document, holder)
    ):
        raise Problem("stands behind an anchor: change it by hand", key=key, place=place)
    line = f"{written(name)}: {written(value)}"
    if holder in document.flow:
        comma = ", " if values else ""
        return f"{text[: place.start + 1]}{line}{comma}{text[place.start + 1 :]}"
    first = min(document.names[(*holder, one)].start for one in values)
    begin = text.rfind("\n", 0, first) + 1
    end = "\r\n" if "\r\n" in text else "\n"
    return f"{text[:first]}{line}{end}{' ' * (first - begin)}{text[first:]}"


def _at(values: Any, key: Key) -> Any:
    try:
        for part in key:
            values = values[part]
    except (LookupError, TypeError):
        raise Problem("is not there", key=key) from None
    return values


def _changed(values: Any, key: Key, value: Value) -> Any:
    """The same values with one changed."""
    if not key:
        return _as_read(value)
    if isinstance(values, dict):
        return {**values, key[0]: _changed(values.get(str(key[0])), key[1:], value)}
    at = int(key[0])
    return [*values[:at], _changed(values[at], key[1:], value), *values[at + 1 :]]


def _as_read(value: Any) -> Any:
    """A value as it is read back: every scalar as its text."""
    if isinstance(value, dict):
        return {name: _as_read(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_read(item) for item in value]
    return _scalar_text(value)


def _scalar_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def written(value: Any) -> str:
    """A value in YAML on one line."""
    if isinstance(value, dict):
        items = ", ".join(f"{written(name)}: {written(item)}" for name, item in value.items())
        return f"{{{items}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    text = _scalar_text(value)
    if _PLAIN.fullmatch(text) and not _SPECIAL.fullmatch(text):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    code = ord(letter)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )
