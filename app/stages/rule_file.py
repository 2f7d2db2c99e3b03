"""Writes an accepted stage rule into the project's file, else into the person's settings.

The file is replaced in one step, with its mode, and only by a text that was read back first: it
must say what it said before and one rule more.
"""

import codecs
import os
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from jobshape.app.domain.errors import ConfigError
from jobshape.app.domain.stage_rules import Rule
from jobshape.app.settings.folders import (
    PRIVATE_FILE_MODE,
    config_folder,
    make_private,
    project_file,
)
from jobshape.app.settings.load import CONFIG_NAME, load_settings
from jobshape.app.stages.rule_text import rule_lines, with_rule


class Planned(NamedTuple):
    """What would be written where."""

    path: Path
    is_project: bool
    text: str  # of the rule alone
    is_new: bool  # there is no such file yet


class _Read(NamedTuple):
    """A file as it was: its text, whether a byte order mark stood before it, what it was."""

    text: str = ""
    mark: bytes = b""
    stat: os.stat_result | None = None


class RuleFile:
    """The file that rules of the screen go into; looked for anew each time.

    start: the folder that the project's file is looked for from; None: the working folder.
    """

    def __init__(self, start: Path | None = None) -> None:
        self._start = start

    def plan(self, rule: Rule) -> Planned:
        """Where the rule would go. Raises ConfigError where it could not."""
        path, is_project = self._place()
        read = _read(path)
        _new_text(path, read.text, rule, is_project)
        return Planned(path, is_project, rule_lines(rule), read.stat is None)

    def accept(self, rule: Rule) -> list[dict[str, str]]:
        """Write it; gives all rules that hold now, in order. Raises ConfigError.

        Where that is raised nothing was written, unless it says so.
        """
        path, is_project = self._place()
        read = _read(path)
        new = _new_text(path, read.text, rule, is_project)
        _replace(path, read, read.mark + new.encode("utf-8"))
        try:
            return self.rules()
        except ConfigError as error:
            raise ConfigError(
                f"the rule was written, but the settings cannot be read again: {error.what}",
                where=error.where, hint=error.hint,
            ) from error  # fmt: skip

    def rules(self) -> list[dict[str, str]]:
        """All rules that hold now, in order. Raises ConfigError."""
        return [asdict(one) for one in load_settings(start=self._start).settings.stage_rules]

    def _place(self) -> tuple[Path, bool]:
        project = project_file(self._start)
        path = project if project is not None else config_folder() / CONFIG_NAME
        with suppress(OSError):
            path = path.resolve()  # a link stays one: what it leads to is replaced
        return path, project is not None


def _read(path: Path) -> _Read:
    try:
        stat = path.stat()
        if not stat.st_mode & 0o222 or not os.access(path, os.W_OK):
            raise ConfigError(
                "is read-only", where=str(path), hint=f"chmod u+w {path.name}, or add it by hand"
            )
        content = path.read_bytes()
    except FileNotFoundError:
        return _Read()
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}", where=str(path), hint="check its permissions"
        ) from error
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    try:
        return _Read(content[len(mark) :].decode("utf-8"), mark, stat)
    except UnicodeDecodeError as error:
        raise ConfigError(
            "is not UTF-8 text", where=str(path), hint="save the file as UTF-8"
        ) from error


def _new_text(path: Path, text: str, rule: Rule, is_project: bool) -> str:
    """The file's text with the rule. Raises ConfigError unless both are valid."""
    try:
        before = tomllib.loads(text)
        _check(path, before, is_project)
        new = with_rule(text, rule)
        after = tomllib.loads(new)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"is not TOML: {error}", where=str(path),
            hint="correct the file first; nothing was written",
        ) from error  # fmt: skip
    wanted = {**before, "stage_rules": [*before.get("stage_rules", ()), dict(rule)]}
    if after != wanted:
        raise ConfigError(
            "the rule cannot be added without changing the rest", where=str(path),
            hint="add it by hand; nothing was written",
        )  # fmt: skip
    _check(path, after, is_project)
    return new


def _check(path: Path, document: Mapping[str, Any], is_project: bool) -> None:
    from jobshape.app.settings.models import check

    for problem in check(document, project=is_project):
        place = ".".join(str(part) for part in problem.key)
        raise ConfigError(
            problem.what, where=f"{path}: {place}",
            hint=problem.hint or "correct the file first; nothing was written",
        )  # fmt: skip


def _replace(path: Path, read: _Read, content: bytes) -> None:
    """Put the new content in the file's place in one step, with the mode and group it had."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    mode = PRIVATE_FILE_MODE if read.stat is None else read.stat.st_mode & 0o7777
    try:
        if read.stat is None:
            make_private(path.parent)
        draft.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(draft, flags, PRIVATE_FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            if read.stat is not None:
                with suppress(OSError):
                    os.fchown(descriptor, -1, read.stat.st_gid)
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if _stamp(path) != _stamp_of(read.stat):
            raise ConfigError(
                "was changed by something else meanwhile", where=str(path),
                hint="nothing was written; try again",
            )  # fmt: skip
        draft.replace(path)
    except OSError as error:
        raise ConfigError(
            f"cannot be written: {error.strerror}", where=str(path),
            hint="nothing was written; check the folder's permissions and the space left",
        ) from error  # fmt: skip
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _stamp(path: Path) -> Sequence[int]:
    try:
        return _stamp_of(path.stat())
    except FileNotFoundError:
        return ()


def _stamp_of(stat: os.stat_result | None) -> Sequence[int]:
    if stat is None:
        return ()
    return (stat.st_ino, stat.st_size, stat.st_mtime_ns)
