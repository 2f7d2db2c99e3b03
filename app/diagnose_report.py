"""``jobshape diagnose``: what went wrong with a job, for people and as JSON."""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jobshape.app.asking import ask, check_reference, names, read_jobs, wanted_of
from jobshape.app.backends.base import Backend
from jobshape.app.collector.diagnosing import look_into
from jobshape.app.collector.plain import from_plain, to_plain
from jobshape.app.collector.wire import JOB_CODEC
from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.finding import NONE, UNKNOWN, Evidence, Finding
from jobshape.app.domain.states import Phase, phase_of, state_of
from jobshape.app.domain.text import sanitize
from jobshape.app.settings.folders import rule_paths
from jobshape.app.settings.values import Loaded
from jobshape.app.signals.diagnose import findings_for
from jobshape.app.signals.rarity import rule_for
from jobshape.app.signals.rule_files import rule_book
from jobshape.app.sites import choose_site

SCHEMA = "jobshape.diagnose/1"
DEADLINE_S = 60.0
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
    """The given fields under the names that Slurm has for them. Raises BadRequest."""
    if state is not None and phase_of(state_of(state)) is Phase.UNKNOWN:
        raise BadRequest(f"{state!r} is no state", hint="as sacct says: FAILED, TIMEOUT, ...")
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


def examine_job(loaded: Loaded, reference: str) -> list[Finding]:
    """Findings for a job of the site: its state, its reason and its logs.

    Raises BadRequest for one that nobody knows, and what asking the site raises.
    """
    check_reference(reference)
    wanted = wanted_of(choose_site(loaded), DEADLINE_S)
    rules = [str(path) for path in rule_paths()]
    answer = ask(wanted, "diagnose", partial(_look_into, reference, rules))
    if not answer["found"]:
        what = f"no job {reference} in the queue or in accounting"
        raise BadRequest(what, hint=answer["hint"])
    findings: list[Finding] = from_plain(list[Finding], answer["findings"])
    return findings


def _look_into(reference: str, rules: Sequence[str], backend: Backend) -> dict[str, Any]:
    """Runs in the child. Of an array the task that failed last speaks for all."""
    found = read_jobs((reference,), (), True, backend)
    jobs = [JOB_CODEC.decode(line) for line in found["jobs"]]
    jobs = [job for job in jobs if names(reference, job)]
    if not jobs:
        return {"found": False, "hint": found["hint"]}
    job = max(jobs, key=lambda job: (phase_of(job.state) is Phase.FAILED, job.end_time or 0))
    return {"found": True, "findings": to_plain(look_into(backend, [job], rules)[0])}


def failed_without_cause(findings: Sequence[Finding]) -> bool:
    """Whether it failed and nothing says why."""
    return findings[0].label == UNKNOWN


def text(findings: Sequence[Finding]) -> Iterator[str]:
    """The ranked causes, the first in full."""
    first, *others = findings
    yield sanitize(f"{first.title} ({first.label}, {first.severity}, {_percent(first)})")
    if first.label != NONE:
        yield from _paragraph("why", first.why)
        yield from _paragraph("fix", first.fix)
        yield from _paragraph("retry", _RETRIES.get(first.retry, first.retry))
    yield from _seen(first)
    if first.label == NONE and not any(one.source == "slurm" for one in first.evidence):
        yield from _paragraph("note", "a log alone may not tell: --state and --exit-code do, or the"
                              " job itself")  # fmt: skip
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
            yield sanitize(f"  {other.title} ({other.label}, {_percent(other)})")
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
