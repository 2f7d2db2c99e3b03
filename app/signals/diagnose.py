"""The door to the diagnosis: texts and Slurm's fields in, ranked findings out."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from jobshape.app.domain.finding import INFO, NONE, UNKNOWN, Evidence, Finding
from jobshape.app.signals.fields import Fields, read_fields
from jobshape.app.signals.judge import Verdict, judge
from jobshape.app.signals.lines import CleanText, clean_lines, unwrapped
from jobshape.app.signals.matching import Hit, Reading, read_lines
from jobshape.app.signals.patterns import compiled
from jobshape.app.signals.rarity import Rarity
from jobshape.app.signals.read_log import read_log
from jobshape.app.signals.rule import CONFIRMATION, SPEAKING, Cause, Rule, RuleBook
from jobshape.app.signals.rule_files import shipped_book

_MOST_EVIDENCE = 4
_TELLING_LINES = 5
_LONGEST_SHOWN = 400


def diagnose(
    text: str,
    slurm: Mapping[str, str] | None = None,
    *,
    book: RuleBook | None = None,
    rarity: Rarity | None = None,
    source: str = "log",
) -> list[Finding]:
    """What a log and Slurm's fields say, likeliest first; at least one finding, always.

    slurm: fields as Slurm names them (State, ExitCode, Reason, MaxRSS, ReqMem); may be empty.
    """
    return findings_for({source: text}, slurm or {}, book=book, rarity=rarity)


def findings_for(
    texts_by_source: Mapping[str, str | Path],
    slurm: Mapping[str, str],
    *,
    book: RuleBook | None = None,
    rarity: Rarity | None = None,
) -> list[Finding]:
    """The same over several sources (stdout, stderr, submit): texts, or paths of files to read.

    Raises LogError where a path cannot be read.
    """
    book = book or shipped_book()
    fields = read_fields(slurm)
    readings = [
        _read(source, text, book, fields) for source, text in _distinct(texts_by_source).items()
    ]
    verdicts = judge(readings, _field_hits(book.rules, fields), fields)
    if verdicts[0].label in (UNKNOWN, NONE):
        again = [_unwrapped(reading, book, fields) for reading in readings]
        if any(again):
            readings = [new or old for new, old in zip(again, readings, strict=True)]
            verdicts = judge(readings, _field_hits(book.rules, fields), fields)
    return [_finding(verdict, book, fields, readings, rarity or Rarity()) for verdict in verdicts]


def _distinct(texts: Mapping[str, str | Path]) -> dict[str, str | Path]:
    """Slurm writes both streams into one file unless told otherwise: that is read once."""
    kept: dict[str, str | Path] = {}
    for source, text in texts.items():
        if not (isinstance(text, Path) and text in kept.values()):
            kept[source] = text
    return kept


def _read(source: str, text: str | Path, book: RuleBook, fields: Fields) -> Reading:
    if isinstance(text, Path):
        return _reading(read_log(text).clean(), book, fields, source, str(text))
    return _reading(CleanText(clean_lines(text)), book, fields, source, "")


def _reading(text: CleanText, book: RuleBook, fields: Fields, source: str, place: str) -> Reading:
    """What speaks in a text, without the rules whose fields do not hold."""
    found = read_lines(text, book, source=source, place=place)
    return found._replace(hits=tuple(hit for hit in found.hits if _holds(hit.rule, fields)))


def _holds(rule: Rule, fields: Fields) -> bool:
    return not (rule.patterns and rule.has_fields) or bool(_matching_field(rule, fields))


def _unwrapped(reading: Reading, book: RuleBook, fields: Fields) -> Reading | None:
    lines = unwrapped(reading.text.lines)
    if lines is None:
        return None
    return _reading(CleanText(lines), book, fields, reading.source, reading.place)


# --- Slurm's fields ------------------------------------------------------------------------


def _field_hits(rules: Iterable[Rule], fields: Fields) -> list[Hit]:
    """The rules that speak for the fields alone."""
    hits = []
    for rule in rules:
        if rule.role in SPEAKING and rule.has_fields and not rule.patterns:
            field = _matching_field(rule, fields)
            if field:
                hits.append(Hit(rule, None, None, field))
    return hits


def _matching_field(rule: Rule, fields: Fields) -> str:
    """The field that a rule speaks for; empty where any of its conditions does not hold."""
    spoken = ""
    if rule.states:
        if fields.state not in rule.states:
            return ""
        spoken = "State"
    if rule.exit_codes or rule.signals:
        if fields.state in ("COMPLETED", "PENDING"):
            return ""
        code, signal = fields.exit_code or 0, fields.signal or 0
        if not (code in rule.exit_codes or signal in rule.signals):
            return ""
        spoken = spoken or "ExitCode"
    if rule.reasons:
        if not any(_says(reason, fields.reason) for reason in rule.reasons):
            return ""
        spoken = spoken or "Reason"
    return spoken


def _says(pattern: str, reason: str) -> bool:
    found = compiled(pattern).match(reason)
    return found is not None and not re.match(r"[A-Za-z]", reason[found.end() :])


# --- what people read ----------------------------------------------------------------------


def _finding(
    verdict: Verdict, book: RuleBook, fields: Fields, readings: list[Reading], rarity: Rarity
) -> Finding:
    cause = book.causes.get(verdict.label) or _bare(verdict.label)
    if verdict.hits:
        evidence = tuple(_evidence(verdict, fields))
        rule = verdict.hits[0][1].rule.name
    else:
        evidence, rule = tuple(_telling(readings, rarity, fields, verdict.label)), ""
    return Finding(
        cause.label, verdict.confidence, cause.severity, cause.title, cause.why, cause.fix,
        cause.fix_class, cause.retry, evidence, rule,
    )  # fmt: skip


def _bare(label: str) -> Cause:
    return Cause(label, label.replace("_", " "), "-", "-", "none", "n/a", INFO)


def _evidence(verdict: Verdict, fields: Fields) -> Iterable[Evidence]:
    """The places of the strongest hits, each text once."""
    shown: set[str] = set()
    for reading, hit in verdict.hits:
        if hit.rule.role == CONFIRMATION and shown:
            continue
        one = (
            _of_line(reading, hit.at) if reading and hit.at is not None else _of_field(hit, fields)
        )
        if one.text not in shown:
            shown.add(one.text)
            yield one
        if len(shown) == _MOST_EVIDENCE:
            return


def _of_line(reading: Reading, at: int) -> Evidence:
    line = reading.text.lines[at]
    text = line.shown.strip()
    return Evidence(reading.source, reading.place, line.number or None, text[:_LONGEST_SHOWN])


def _of_field(hit: Hit, fields: Fields) -> Evidence:
    source = "usage" if hit.field in ("MaxRSS", "ReqMem") else "slurm"
    value = fields.said.get(hit.field, "")
    if hit.field == "MaxRSS":
        value = f"{value} of {fields.said.get('ReqMem', '-')}"
    return Evidence(source, hit.field, None, value)


def _telling(
    readings: list[Reading], rarity: Rarity, fields: Fields, label: str
) -> Iterable[Evidence]:
    """For a failure nobody can explain: the lines most worth reading, and what Slurm says."""
    if label == NONE:
        if fields.state:
            yield Evidence("slurm", "State", None, fields.said.get("State", fields.state))
        return
    for reading in readings:
        for at in rarity.telling(reading.text.lines, _TELLING_LINES, reading.quiet):
            yield _of_line(reading, at)
    for name in ("State", "ExitCode", "Reason"):
        if fields.said.get(name):
            yield Evidence("slurm", name, None, fields.said[name])
