"""Adds a failure rule of one's own, made of a line that nothing explained, to the right file."""

import os
from pathlib import Path
from typing import NamedTuple

from jobshape.app.domain.errors import ConfigError
from jobshape.app.settings.folders import (
    PRIVATE_FILE_MODE,
    PRIVATE_FOLDER_MODE,
    config_folder,
    project_file,
    rule_paths,
)

OWN_NAME = "own.toml"
_LEFT_OUT = ("none", "unknown")


class PlannedRule(NamedTuple):
    """What would be written where."""

    path: Path
    is_project: bool
    text: str  # of the rule alone
    is_new: bool  # there is no such file yet


class OwnRules:
    """The file that rules of the screen go into: the project's where there is one, else one's own.

    start: the folder that the project is looked for from; None: the working folder.
    """

    def __init__(self, start: Path | None = None) -> None:
        self._start = start

    def classes(self) -> list[tuple[str, str]]:
        """What a rule can stand for: (class, title), by title; one's own classes, too."""
        from jobshape.app.signals.rule_files import rule_book, shipped_book

        try:
            book = rule_book(rule_paths(self._start))
        except ConfigError:
            book = shipped_book()
        named = [(label, cause.title) for label, cause in book.causes.items()]
        return sorted(
            (pair for pair in named if pair[0] not in _LEFT_OUT), key=lambda pair: pair[1]
        )

    def plan(self, line: str, label: str) -> PlannedRule:
        """The rule for lines like this one and where it would go. Raises ConfigError."""
        from jobshape.app.signals.rarity import rule_for

        path, is_project = self._place()
        before = _read(path)
        text = _unlike(rule_for(line, label), before)
        self._check(path, before, text)
        return PlannedRule(path, is_project, text, not path.exists())

    def accept(self, plan: PlannedRule) -> None:
        """Write it behind what is there. Raises ConfigError; then nothing was written."""
        before = _read(plan.path)
        self._check(plan.path, before, plan.text)
        whole = f"{before.rstrip()}\n\n{plan.text}" if before.strip() else plan.text
        draft = plan.path.with_name(f".{plan.path.name}.{os.getpid()}")
        try:
            plan.path.parent.mkdir(mode=PRIVATE_FOLDER_MODE, parents=True, exist_ok=True)
            mode = plan.path.stat().st_mode & 0o777 if plan.path.exists() else PRIVATE_FILE_MODE
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(whole)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(plan.path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise ConfigError(
                f"cannot be written: {error.strerror}", where=str(plan.path),
                hint="nothing was changed",
            ) from error  # fmt: skip

    def _place(self) -> tuple[Path, bool]:
        for path in rule_paths(self._start)[1:]:
            return path, True
        project = project_file(self._start)
        if project is not None:
            return project.parent / ".jobshape" / "rules.toml", True
        return config_folder() / "rules" / OWN_NAME, False

    def _check(self, path: Path, before: str, text: str) -> None:
        """Raises ConfigError unless the file is valid with the rule behind it."""
        from tempfile import TemporaryDirectory

        from jobshape.app.signals.rule_files import rule_book

        with TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            copy.write_text(f"{before}\n{text}", "utf-8")
            try:
                rule_book([copy])
            except ConfigError as error:
                raise ConfigError(
                    error.what, where=error.where.replace(str(copy), str(path)), hint=error.hint
                ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from error


def _unlike(rule: str, before: str) -> str:
    """The rule with a name that the file has not: a later one of the same name would replace it."""
    import tomllib  # not at the start of the screen

    try:
        known = {one.get("name") for one in tomllib.loads(before).get("rule", ())}
    except ValueError:
        return rule  # the check tells what is wrong
    name = tomllib.loads(rule)["rule"][0]["name"]
    number = 2
    fresh = name
    while fresh in known:
        fresh, number = f"{name}-{number}", number + 1
    return rule.replace(f'name = "{name}"', f'name = "{fresh}"', 1)
