"""Reads a manifest: all that is wrong with it at once, with file, line, column and field."""

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobshape.app.domain.errors import ConfigError
from jobshape.app.domain.text import sanitize
from jobshape.app.rounds.yaml_text import MOST_BYTES, Document, Key, Place, Problem, read_yaml

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest import Manifest

MANIFEST_NAME = "jobshape.yaml"


MOST_TOLD = 50
"""Things wrong that are told one by one."""


class ManifestError(ConfigError):
    """A manifest that cannot be used; ``problems`` holds each thing wrong, this is the first."""

    def __init__(self, problems: list[ConfigError]) -> None:
        first = problems[0]
        super().__init__(first.what, where=first.where, hint=first.hint)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest that holds, its text, and where everything stands in it."""

    path: Path
    text: str
    manifest: "Manifest"
    places: Mapping[Key, Place]

    def error(self, problems: Iterable[Problem]) -> ManifestError:
        """Problems found later, told like those found while reading."""
        return _error(self.path, self.places, {}, problems)


def read_manifest(path: Path) -> ManifestFile:
    """Raises ManifestError, whose problems name file, line, column and field."""
    return read_text(_text_of(path), path)


def read_text(text: str, path: Path) -> ManifestFile:
    """A manifest from a text that stands in this file, or is to. Raises ManifestError."""
    from jobshape.app.rounds.checking import check

    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise ManifestError([_too_big(path)])
    document = Document(None)
    try:
        document = read_yaml(text.removeprefix("\ufeff"))
        manifest, problems = check(document)
    except Problem as problem:
        manifest, problems = None, [problem]
    if manifest is None or problems:
        raise _error(path, document.places, document.names, problems)
    return ManifestFile(path, text, manifest, document.places)


def _text_of(path: Path) -> str:
    try:
        # Opened without waiting: a pipe of that name must not hold everything up.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ManifestError([ConfigError("is no file", where=str(path))])
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        hint = "`jobshape rounds plan --template` prints one"
        raise ManifestError([ConfigError("is not there", where=str(path), hint=hint)]) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ManifestError([ConfigError(f"cannot be read: {why}", where=str(path))]) from error
    if len(content) > MOST_BYTES:
        raise ManifestError([_too_big(path)])
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        what, hint = "is not UTF-8 text", "save the file as UTF-8"
        raise ManifestError([ConfigError(what, where=str(path), hint=hint)]) from error


def _too_big(path: Path) -> ConfigError:
    what = f"is larger than {MOST_BYTES // 1024} KiB"
    return ConfigError(what, where=str(path), hint="a grid says the same in less")


def _error(
    path: Path,
    places: Mapping[Key, Place],
    names: Mapping[Key, Place],
    problems: Iterable[Problem],
) -> ManifestError:
    told: list[ConfigError] = []
    found = [(_place(places, names, one), one) for one in problems]
    found.sort(key=lambda pair: pair[0].start if pair[0] else 0)
    for place, one in found[:MOST_TOLD]:
        where = f"{path}:{place.line}:{place.column}" if place else str(path)
        field = field_name(one.key)
        told.append(
            ConfigError(
                sanitize(one.what), where=f"{where}: {field}" if field else where, hint=one.hint
            )
        )
    if len(found) > MOST_TOLD:
        told.append(ConfigError(f"{len(found) - MOST_TOLD:,} more are wrong", where=str(path)))
    return ManifestError(told)


def _place(
    places: Mapping[Key, Place], names: Mapping[Key, Place], problem: Problem
) -> Place | None:
    """The problem's place or, where its key is not in the text, that of what would hold it."""
    if problem.place:
        return problem.place
    for end in range(len(problem.key), -1, -1):
        found = places.get(problem.key[:end]) or names.get(problem.key[:end])
        if found:
            return found
    return None


def field_name(key: Key) -> str:
    """A way into the document as people write it: ``phases[0].grid.template.id``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return sanitize(text)
