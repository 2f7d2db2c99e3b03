"""Rules read from TOML: those that come with jobshape, then a site's, a person's, a project's.

A later rule of the same name takes the place of an earlier one. What is wrong is told with the
file, the rule and the field, all of it at once.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jobshape.app.domain.errors import ConfigError
from jobshape.app.domain.finding import NONE, SEVERITIES, UNKNOWN
from jobshape.app.signals.patterns import BadPattern, check
from jobshape.app.signals.rule import (
    HARMLESS,
    RETRY,
    ROLES,
    SPEAKING,
    SUCCESS,
    TROUBLE,
    Cause,
    Rule,
    RuleBook,
)

SHIPPED = Path(__file__).parent / "rules"
CLASSES_NAME = "classes.toml"
PROJECT_RULES = Path(".jobshape") / "rules.toml"
"""Where a project keeps its own rules, from its folder."""

FIX_CLASSES = (
    "raise_memory", "reduce_batch", "raise_walltime", "fix_code", "fix_env", "fix_input",
    "free_space", "resubmit", "exclude_node", "change_request", "ask_admin", "none",
)  # fmt: skip
RETRIES = ("yes", "no", "maybe", "n/a")
_LARGEST_FILE = 1 << 20
_DEFAULT_CONFIDENCE = {
    "scheduler": 0.97, "root": 0.95, "crash": 0.95, "cascade": 0.9, "confirmation": 0.75,
}  # fmt: skip


class RulesError(ConfigError):
    """Rule files are wrong; ``problems`` has one error for each thing."""

    def __init__(self, problems: list[ConfigError]) -> None:
        first = problems[0]
        super().__init__(first.what, where=first.where, hint=first.hint)
        self.problems = tuple(problems)


@lru_cache(maxsize=1)
def shipped_book() -> RuleBook:
    """The rules and classes that come with jobshape."""
    causes = _read_causes(SHIPPED / CLASSES_NAME)
    files = sorted(path for path in SHIPPED.glob("*.toml") if path.name != CLASSES_NAME)
    return _joined(RuleBook((), causes), files, trusted=True)


def rule_book(extra: Iterable[Path] = ()) -> RuleBook:
    """The shipped rules and those of more files or folders of ``*.toml``, the last one strongest.

    A path that is not there adds nothing. Raises RulesError.
    """
    files: list[Path] = []
    for path in extra:
        files += sorted(path.glob("*.toml")) if path.is_dir() else [path]
    files = [path for path in files if path.exists()]
    return _joined(shipped_book(), files) if files else shipped_book()


def own_rules(config: Path, project: Path | None = None) -> list[Path]:
    """Where rules of one's own may lie: the settings' ``rules`` folder, then the project's file."""
    return [config / "rules", *([project / PROJECT_RULES] if project else [])]


def _joined(book: RuleBook, files: list[Path], *, trusted: bool = False) -> RuleBook:
    rules = {rule.name: rule for rule in book.rules}
    causes = dict(book.causes)
    problems: list[ConfigError] = []
    for path in files:
        try:
            document = _document(path)
        except ConfigError as error:
            problems.append(error)
            continue
        reader = _Reader(path, causes, problems, check_patterns=not trusted)
        for cause in reader.causes(document):
            causes[cause.label] = cause
        for rule in reader.rules(document):
            own = rule if trusted else rule._replace(name=rule.name)
            rules[own.name] = own
    if problems:
        raise RulesError(problems)
    return RuleBook(tuple(rules.values()), causes)


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ConfigError("larger than 1 MiB", where=str(path), hint="split it into several")
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is no UTF-8 text", where=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is no TOML: {error}", where=str(path)) from error


def _read_causes(path: Path) -> dict[str, Cause]:
    problems: list[ConfigError] = []
    reader = _Reader(path, {}, problems, check_patterns=False)
    causes = {cause.label: cause for cause in reader.causes(_document(path))}
    if problems:
        raise RulesError(problems)
    return causes


class _Reader:
    """Turns one document into rules; what is wrong goes to ``problems`` and is left out."""

    def __init__(
        self,
        path: Path,
        causes: Mapping[str, Cause],
        problems: list[ConfigError],
        *,
        check_patterns: bool,
    ) -> None:
        self._path = path
        self._known = causes
        self._problems = problems
        self._check_patterns = check_patterns

    def causes(self, document: Mapping[str, Any]) -> list[Cause]:
        table = document.get("class", {})
        if not isinstance(table, dict):
            self._wrong("class", "", "is no table", "write [class.NAME]")
            return []
        return [
            cause
            for label, said in table.items()
            if (cause := self._cause(label, said)) is not None
        ]

    def _cause(self, label: str, said: Any) -> Cause | None:
        before = len(self._problems)
        if not isinstance(said, dict):
            self._wrong(f"class {label}", "", "is no table", "write [class.NAME]")
            return None
        words = {name: self._word(f"class {label}", said, name) for name in ("title", "why", "fix")}
        choices = (("fix_class", FIX_CLASSES), ("retry", RETRIES), ("severity", SEVERITIES))
        for name, allowed in choices:
            words[name] = self._choice(f"class {label}", said, name, allowed)
        self._unknown_fields(f"class {label}", said, set(words))
        return None if len(self._problems) > before else Cause(label, **words)

    def rules(self, document: Mapping[str, Any]) -> list[Rule]:
        for name in document.keys() - {"rule", "class"}:
            self._wrong(name, "", "is not known", "a file has [[rule]] and [class.NAME]")
        told = document.get("rule", [])
        if not isinstance(told, list):
            self._wrong("rule", "", "is no list", "write [[rule]] with two brackets")
            return []
        found: dict[str, Rule] = {}
        for number, said in enumerate(told, 1):
            rule = self._rule(number, said)
            if rule is None:
                continue
            if rule.name in found:
                self._wrong(rule.name, "name", "stands here twice", "name one of them otherwise")
            found[rule.name] = rule
        return list(found.values())

    def _rule(self, number: int, said: Any) -> Rule | None:
        before = len(self._problems)
        where = f"rule {number}"
        if not isinstance(said, dict):
            self._wrong(where, "", "is no table", "write [[rule]]")
            return None
        name = self._word(where, said, "name")
        where = f"rule {name or number}"
        role = self._choice(where, said, "role", tuple(ROLES), default="root")
        label = ""
        if role in SPEAKING or "class" in said:
            known = tuple(self._known)
            label = self._choice(where, said, "class", known) if known else ""
            if label in (NONE, UNKNOWN) and role in SPEAKING and label == UNKNOWN:
                self._wrong(where, "class", "unknown is no cause", "name a class")
        lists = {
            field: self._patterns(where, said, field)
            for field in ("patterns", "unless", "not_after", "cured_by", "reasons")
        }
        rule = Rule(
            f"{self._path.stem}:{name}", label, role or "root",
            self._number(where, said, "weight", ROLES.get(role, 0), 0, 100),
            float(self._number(
                where, said, "confidence", _DEFAULT_CONFIDENCE.get(role, 0.5), 0.05, 0.99
            )),
            lists["patterns"], lists["unless"], lists["not_after"], lists["cured_by"],
            int(self._number(where, said, "min_count", 1, 1, 1000)),
            self._flag(where, said, "in_warnings"), self._flag(where, said, "in_traceback"),
            self._words(where, said, "states"), lists["reasons"],
            self._numbers(where, said, "exit_codes"), self._numbers(where, said, "signals"),
        )  # fmt: skip
        if not rule.patterns and not rule.has_fields:
            self._wrong(where, "patterns", "is missing", "give patterns, or a field of Slurm")
        if role in (HARMLESS, SUCCESS, TROUBLE, RETRY) and rule.has_fields and not rule.patterns:
            self._wrong(where, "role", f"{role} needs patterns")
        allowed = set(Rule._fields) - {"label"} | {"class"}
        self._unknown_fields(where, said, allowed)
        return None if len(self._problems) > before else rule

    def _patterns(self, where: str, said: Mapping[str, Any], field: str) -> tuple[str, ...]:
        texts = self._words(where, said, field)
        if self._check_patterns:
            for number, text in enumerate(texts, 1):
                try:
                    check(text)
                except BadPattern as error:
                    self._wrong(where, f"{field}[{number}]", str(error))
        return texts

    def _words(self, where: str, said: Mapping[str, Any], field: str) -> tuple[str, ...]:
        return self._several(where, said, field, lambda v: isinstance(v, str) and v, "texts")

    def _numbers(self, where: str, said: Mapping[str, Any], field: str) -> tuple[int, ...]:
        return self._several(where, said, field, lambda v: type(v) is int, "whole numbers")

    def _several(
        self, where: str, said: Mapping[str, Any], field: str, fits: Callable[[Any], Any], what: str
    ) -> tuple[Any, ...]:
        value = said.get(field, [])
        if not isinstance(value, list) or not all(map(fits, value)):
            self._wrong(where, field, f"is no list of {what}", 'as in ["..."]')
            return ()
        return tuple(value)

    def _word(self, where: str, said: Mapping[str, Any], field: str) -> str:
        value = said.get(field)
        if isinstance(value, str) and value.strip():
            return value
        self._wrong(where, field, "is missing" if value is None else "is no text")
        return ""

    def _choice(
        self,
        where: str,
        said: Mapping[str, Any],
        field: str,
        allowed: tuple[str, ...],
        default: str | None = None,
    ) -> str:
        value = said.get(field, default)
        if isinstance(value, str) and value in allowed:
            return value
        what = "is missing" if value is None else f"{value!r} is none of them"
        self._wrong(where, field, what, f"one of: {', '.join(allowed)}")
        return ""

    def _number(
        self, where: str, said: Mapping[str, Any], field: str, default: Any, low: float, high: float
    ) -> Any:
        value = said.get(field, default)
        if type(value) in (int, float) and low <= value <= high:
            return value
        self._wrong(where, field, f"{value!r} is no number from {low:g} to {high:g}")
        return default

    def _flag(self, where: str, said: Mapping[str, Any], field: str) -> bool:
        value = said.get(field, False)
        if isinstance(value, bool):
            return value
        self._wrong(where, field, f"{value!r} is neither true nor false")
        return False

    def _unknown_fields(self, where: str, said: Mapping[str, Any], allowed: set[str]) -> None:
        for name in sorted(said.keys() - allowed):
            self._wrong(where, name, "is not known", f"fields: {', '.join(sorted(allowed))}")

    def _wrong(self, where: str, field: str, what: str, hint: str = "") -> None:
        place = ", ".join(filter(None, (str(self._path), where, field)))
        self._problems.append(ConfigError(what, where=place, hint=hint))
