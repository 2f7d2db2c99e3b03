"""``jobshape diagnose``: what went wrong with a job, for people and as JSON."""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobshape.app.board.text import sanitize
from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.finding import NONE, UNKNOWN, Evidence, Finding
from jobshape.app.settings.folders import rule_paths
from jobshape.app.signals.diagnose import findings_for
from jobshape.app.signals.rarity import rule_for
from jobshape.app.signals.rule_files import rule_book

SCHEMA = "jobshape.diagnose/1"
_WIDTH = 100
_LABEL = 7
_OTHERS = 3
_RETRIES = {
    "yes": "yes: the same job sent again can succeed",
    "no": "no: the same job sent again would fail again",
    "maybe": "maybe: the same job sent again could succeed",
    "n/a": "-",
}


def slurm_fields(state: str | None, exit_code: str | None, reason: str | None) -> dict[str, str]:
    """The given fields under the names that Slurm has for them."""
    given = {"State": state, "ExitCode": exit_code, "Reason": reason}
    return {name: value for name, value in given.items() if value}


def examine(logs: Sequence[str], fields: Mapping[str, str]) -> list[Finding]:
    """Findings for log files and fields, with the shipped rules and one's own.

    Raises LogError, RulesError; BadRequest where there is nothing to look at.
    """
    if not logs and not fields:
        raise BadRequest("nothing to look at", hint="name a log: --log FILE, or --state, --reason")
    names = [f"log{number}" if number > 1 else "log" for number in range(1, len(logs) + 1)]
    texts = dict(zip(names, map(Path, logs), strict=True))
    return findings_for(texts, fields, book=rule_book(rule_paths()))


def failed_without_cause(findings: Sequence[Finding]) -> bool:
    """Whether it failed and nothing says why."""
    return findings[0].label == UNKNOWN


def text(findings: Sequence[Finding]) -> Iterator[str]:
    """The ranked causes, the first in full."""
    first, *others = findings
    yield f"{first.title} ({first.label}, {first.severity}, {_percent(first)})"
    if first.label != NONE:
        yield from _paragraph("why", first.why)
        yield from _paragraph("fix", first.fix)
        yield from _paragraph("retry", _RETRIES.get(first.retry, first.retry))
    yield from _seen(first)
    if first.rule:
        yield from _paragraph("rule", first.rule)
    if first.label == UNKNOWN and first.evidence:
        yield ""
        yield "A rule for the last of these lines, to put into .jobshape/rules.toml once you know"
        yield "the class it stands for:"
        yield ""
        yield from rule_for(_telling_line(first)).rstrip().split("\n")
    if others:
        yield ""
        yield "also possible:"
        for other in others[:_OTHERS]:
            yield f"  {other.title} ({other.label}, {_percent(other)})"
            yield from (f"  {line}" for line in _seen(other, most=1))


def _telling_line(finding: Finding) -> str:
    lines = [one.text for one in finding.evidence if one.source not in ("slurm", "usage")]
    return lines[-1] if lines else finding.evidence[-1].text


def _percent(finding: Finding) -> str:
    return f"{finding.confidence:.0%}"


def _paragraph(label: str, words: str) -> Iterator[str]:
    lines = textwrap.wrap(sanitize(words), _WIDTH - _LABEL - 2) or ["-"]
    for number, line in enumerate(lines):
        yield f"  {label if not number else '':<{_LABEL}}{line}"


def _seen(finding: Finding, most: int = 99) -> Iterator[str]:
    for number, one in enumerate(finding.evidence[:most]):
        yield f"  {'seen' if not number else '':<{_LABEL}}{_place(one)}{sanitize(one.text)}"


def _place(one: Evidence) -> str:
    if one.source in ("slurm", "usage"):
        return f"{one.place}="
    name = sanitize(Path(one.place).name) if one.place else one.source
    return f"{name}:{one.line}: " if one.line else f"{name}: "


def as_json(findings: Sequence[Finding]) -> str:
    """The findings for scripts."""
    rows: list[dict[str, Any]] = []
    for one in findings:
        row = one._asdict()
        row["class"] = row.pop("label")
        row["evidence"] = [evidence._asdict() for evidence in one.evidence]
        rows.append(row)
    return json.dumps({"schema": SCHEMA, "findings": rows}, indent=2)
