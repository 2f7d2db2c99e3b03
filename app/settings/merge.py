"""Reads, checks and joins the sources of settings; needed only when one of them has changed."""

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jobshape.app.domain.errors import ConfigError
from jobshape.app.domain.job import DEFAULT_STAGES
from jobshape.app.settings.load import SettingsError
from jobshape.app.settings.models import Problem, check, check_page
from jobshape.app.settings.toml_lines import Key, line_for, lines_of
from jobshape.app.settings.values import Settings, declared, value_of

_POSITION = re.compile(r" \(at line (\d+), column (\d+)\)$")
_MOST_BYTES = 1_000_000
_YES, _NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def merge(
    user: Path | None, project: Path | None, variables: Mapping[str, tuple[str, str]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values set, nested and plain, and where every setting comes from.

    variables: dotted name -> (environment variable, its text). Raises SettingsError.
    """
    problems: list[ConfigError] = []
    values: dict[str, Any] = {}
    origins = {item.name: "default" for item in declared()}
    known_stages = set(DEFAULT_STAGES)
    rules: list[_SourcedRule] = []
    for path, is_project in ((user, False), (project, True)):
        if path is None:
            continue
        document = _Document(path)
        problems += document.problems(partial(check, project=is_project))
        if problems:
            continue
        known_stages.update(document.values.get("stages", ()))
        rules = document.rules() + rules
        _lay_over(values, origins, document)
    problems += [rule.problem(known_stages) for rule in rules if rule.stage not in known_stages]
    problems += _lay_variables_over(values, origins, variables)
    if problems:
        raise SettingsError(problems)
    if rules:
        values["stage_rules"] = [rule.values for rule in rules]
        origins["stage_rules"] = ", ".join(rule.where for rule in rules)
    return values, origins


def read_page(path: Path) -> dict[str, Any]:
    """The values of a site's page, nested and plain. Raises SettingsError."""
    document = _Document(path)
    problems = document.problems(check_page)
    if problems:
        raise SettingsError(problems)
    return document.values


class _NoSettings(Exception):
    """Something else than a file of settings."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def _bytes_of(path: Path) -> bytes:
    """What a file holds. Raises OSError, _NoSettings for what could be read for ever."""
    if path.exists() and not path.is_file():
        raise _NoSettings("is not a file", "move it away")
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise _NoSettings(f"is longer than {_MOST_BYTES:,} bytes", "is it the right file?")
    return content


class _Document:
    """One TOML file: its values, and the line of each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = {}
        self._lines: dict[Key, int] = {}
        self._unreadable: ConfigError | None = None
        try:
            text = _bytes_of(path).decode("utf-8-sig")
            self.values = tomllib.loads(text)
            self._lines = lines_of(text.replace("\r\n", "\n"))
        except OSError as error:
            self._unreadable = ConfigError(
                f"cannot be read: {error.strerror}", where=str(path), hint="check its permissions"
            )
        except _NoSettings as error:
            self._unreadable = ConfigError(str(error), where=str(path), hint=error.hint)
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            self._unreadable = ConfigError(
                "is not UTF-8 text", where=f"{path}:{line}", hint="save the file as UTF-8"
            )
        except tomllib.TOMLDecodeError as error:
            self._unreadable = _syntax_error(path, error)
        except ValueError as error:  # a number of thousands of digits
            self._unreadable = ConfigError(
                f"cannot be read: {error}", where=str(path), hint="no setting needs such a number"
            )
        except RecursionError:
            self._unreadable = ConfigError(
                "lists are nested too deeply", where=str(path), hint="no setting needs that"
            )

    def problems(
        self, check_values: Callable[[Mapping[str, Any]], list[Problem]]
    ) -> list[ConfigError]:
        """Everything wrong with it, in words."""
        if self._unreadable:
            return [self._unreadable]
        found = check_values(self.values)
        found.sort(key=lambda problem: line_for(self._lines, problem.key) or 0)
        return [self._located(problem) for problem in found]

    def _located(self, problem: Problem) -> ConfigError:
        return ConfigError(
            problem.what, where=f"{self.where(problem.key)}: {_dotted(problem.key)}",
            hint=problem.hint or "correct it, or delete the line to get the default",
        )  # fmt: skip

    def where(self, key: Key) -> str:
        """``FILE:LINE`` of a key."""
        line = line_for(self._lines, key)
        return f"{self.path}:{line}" if line else str(self.path)

    def rules(self) -> list["_SourcedRule"]:
        """Its stage rules."""
        key: Key = ("stage_rules",)
        return [
            _SourcedRule(rule, self.where((*key, i)), self.where((*key, i, "stage")))
            for i, rule in enumerate(self.values.get("stage_rules", ()))
        ]


class _SourcedRule:
    """A stage rule and where it stands."""

    def __init__(self, values: dict[str, str], where: str, where_stage: str) -> None:
        self.values, self.where, self._where_stage = values, where, where_stage
        self.stage = values["stage"]

    def problem(self, known: set[str]) -> ConfigError:
        """What to say when nobody knows its stage."""
        return ConfigError(
            f"{self.stage!r} is not one of the stages",
            where=f"{self._where_stage}: stage_rules.stage",
            hint=f"name it in `stages`, or use one of {', '.join(sorted(known))}",
        )


def _syntax_error(path: Path, error: tomllib.TOMLDecodeError) -> ConfigError:
    text = str(error)
    match = _POSITION.search(text)
    where = f"{path}:{match.group(1)}:{match.group(2)}" if match else str(path)
    what = text[: match.start()] if match else text
    return ConfigError(
        f"is not TOML: {what[0].lower()}{what[1:]}",
        where=where,
        hint='texts stand in quotes: theme = "textual-dark"',
    )


def _dotted(key: Key) -> str:
    """``stage_rules[2].name``, counted from 1 as people do."""
    parts = [f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in key]
    return "".join(parts).lstrip(".")


def _lay_over(values: dict[str, Any], origins: dict[str, str], document: _Document) -> None:
    for name, value in document.values.items():
        if isinstance(value, dict):
            values.setdefault(name, {}).update(value)
            for leaf in value:
                origins[f"{name}.{leaf}"] = document.where((name, leaf))
        else:
            values[name] = value
            origins[name] = document.where((name,))


def _lay_variables_over(
    values: dict[str, Any], origins: dict[str, str], variables: Mapping[str, tuple[str, str]]
) -> list[ConfigError]:
    problems = []
    for name, (variable, text) in variables.items():
        is_bool = isinstance(value_of(Settings(), name), bool)
        value: Any = text
        if is_bool and text.lower() in _YES | _NO:
            value = text.lower() in _YES
        section, _, leaf = name.rpartition(".")
        wrong = check({section: {leaf: value}} if section else {leaf: value})
        problems += [
            ConfigError(
                problem.what,
                where=f"environment variable {variable}",
                hint="correct it or unset it",
            )
            for problem in wrong
        ]
        target = values.setdefault(section, {}) if section else values
        target[leaf] = value
        origins[name] = f"environment {variable}"
    return problems
