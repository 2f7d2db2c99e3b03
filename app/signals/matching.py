"""Which rules speak in a log, and where."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from jobshape.app.signals.lines import CleanText, clean_lines
from jobshape.app.signals.patterns import compiled, sieved
from jobshape.app.signals.rule import (
    CASCADE,
    CRASH,
    HARMLESS,
    RETRY,
    SCHEDULER,
    SPEAKING,
    SUCCESS,
    TROUBLE,
    Rule,
    RuleBook,
)
from jobshape.app.signals.tracebacks import Raised, find_raised

_MOST_PLACES = 200
"""Lines of one rule that are looked at: the first and the last half of them."""

_EVERY_RULE = 100

_LOW_LEVEL = re.compile(
    r"^\W{0,4}(?:WARN(?:ING)?S?|INFO|DEBUG|TRACE|NOTE|NOTICE|HINT|Warning|warning|Info|info|Note)"
    r"(?:\b(?!-)[\]:>,! |]|\s*$|\()"
    r"|^.{0,60}(?: - |\||\[|\s)(?:WARN(?:ING)?|INFO|DEBUG|NOTICE|NOTE|warning|info|debug)"
    r"(?: - |\s?[\]|:] ?| {1,3}\[)"
    r"|^\[?[IWD]\d{4} |^\[[IWD] |^[IWD] tensorflow|^[IWD]\d{4}[ :]"
    r"|\b\w*Warning:(?: |$)|: warning: |: warning #\d"
    r"|(?:srun|sbatch|salloc|slurmstepd): (?:[Ww]arning|info|debug\d?): "
    r"|^wandb: (?!ERROR|.*(?:[Ee]rror|api_key))|\bNCCL INFO\b|^\[\w[\w.-]*:\d+\] (?:INFO|DEBUG)"
)
"""Lines that say themselves that they are no error."""


class Hit(NamedTuple):
    """A rule that speaks, on a line of a log (its index), or for a field of Slurm (None)."""

    rule: Rule
    at: int | None
    raised: int | None = None  # which exception of the log it belongs to
    field: str = ""  # the field's name


class Reading(NamedTuple):
    """One log, read: its lines, what speaks in it, and the tracebacks."""

    source: str  # stdout, stderr, log
    place: str  # a path; "" for the text at hand
    text: CleanText
    hits: tuple[Hit, ...]
    raised: tuple[Raised, ...]
    trouble: tuple[int, ...]  # lines that say it failed, no word of why
    success: tuple[int, ...]  # lines that say it ended well
    retries: tuple[int, ...]  # lines that say that it will be tried again
    quiet: frozenset[int]  # lines of no weight: warnings, harmless ones


def read_text(text: str, book: RuleBook, *, source: str = "log", place: str = "",
              first_number: int = 1) -> Reading:  # fmt: skip
    """Everything the rules say of a text."""
    return read_lines(
        CleanText(clean_lines(text, first_number=first_number)), book, source=source, place=place
    )


def read_lines(text: CleanText, book: RuleBook, *, source: str, place: str) -> Reading:
    """Everything the rules say of clean lines."""
    raised = tuple(find_raised(text.lines))
    places = _Places(text, book)
    code = _code_lines(text, raised)
    low = text.digest.those(text.lines, lambda line: _LOW_LEVEL.search(line[:400]))
    low |= {n + 1 for n in low if text.lines[n].text.endswith("Warning:")}
    low |= {n + 1 for n in low if "Warning: " in text.lines[n].text and _is_code(text, n + 1)}
    harmless = _weights(places, book.of_role(HARMLESS)) | dict.fromkeys(code, _EVERY_RULE)
    owner = _owners(raised)
    hits: list[Hit] = []
    for rule in book.rules:
        if rule.role not in SPEAKING or (rule.has_fields and not text_patterns(rule)):
            continue
        if not places.may_speak(rule):
            continue
        loud = rule.in_warnings or rule.role == SCHEDULER
        deaf = {at for at, weight in harmless.items() if weight >= rule.weight}
        hits += _hits_of(rule, places, deaf if loud else deaf | low, owner, raised)
    ends = {r.ending for r in raised}
    quiet = harmless.keys() | (low - ends)
    again = sorted(set(places.lines_of(book.of_role(RETRY))))
    return Reading(
        source, place, text, tuple(hits), raised,
        tuple(sorted(set(places.lines_of(book.of_role(TROUBLE))) - quiet - set(again))),
        tuple(sorted(places.lines_of(book.of_role(SUCCESS)))),
        tuple(again),
        frozenset(quiet),
    )  # fmt: skip


def _weights(places: "_Places", rules: Iterable[Rule]) -> dict[int, int]:
    """Of each harmless line, the weight up to which rules are silenced there."""
    weights: dict[int, int] = {}
    for rule in rules:
        for at in places.lines_of((rule,)):
            weights[at] = max(weights.get(at, 0), rule.weight)
    return weights


def _is_code(text: CleanText, at: int) -> bool:
    return at < len(text.lines) and text.lines[at].text.startswith("  ")


def _code_lines(text: CleanText, raised: Iterable[Raised]) -> set[int]:
    """Lines inside tracebacks that quote the program: what is written there has not happened."""
    return {
        at
        for one in raised
        for at in range(one.begin, one.ending)
        if not text.lines[at].text.startswith(("srun:", "slurmstepd:"))
    }


def _owners(raised: tuple[Raised, ...]) -> dict[int, int]:
    return {
        at: number for number, one in enumerate(raised) for at in range(one.ending, one.end + 1)
    }


def _hits_of(
    rule: Rule,
    places: "_Places",
    deaf: set[int],
    owner: dict[int, int],
    raised: tuple[Raised, ...],
) -> Iterator[Hit]:
    found = [
        at
        for at, last in places.spans(text_patterns(rule))
        if at not in deaf and not places.any_on(rule.unless, at, last)
    ]
    if rule.in_traceback:
        found = [at for at in found if at in owner and raised[owner[at]].ending == at]
    if len(found) < rule.min_count:
        return
    if rule.not_after:
        first = min(places.lines_with(rule.not_after), default=None)
        found = [at for at in found if first is None or at <= first]
    if rule.cured_by:
        last_cure = max(places.lines_with(rule.cured_by), default=-1)
        found = [at for at in found if at >= last_cure]
    for at in found:
        one = owner.get(at)
        if one is not None and at != raised[one].ending and rule.role in (CASCADE, CRASH):
            one = None  # what a launcher printed right after it
        yield Hit(rule, at, one)


@lru_cache(maxsize=4096)
def text_patterns(rule: Rule) -> tuple[str, ...]:
    """A rule's patterns; a reason of Slurm also speaks where squeue or scontrol printed it."""
    if rule.patterns or not rule.reasons:
        return rule.patterns
    return tuple(
        rf"(?:\(|[Rr]eason[=:] ?|\bPD\b.{{0,80}} |\bPENDING +)(?:{reason})(?![A-Za-z])"
        for reason in rule.reasons
    )


@lru_cache(maxsize=8)
def _sieve(book: RuleBook) -> tuple[dict[str, frozenset[str]], tuple[str, ...]]:
    """Of each rule the words a text must have one of (none: it is always tried), and all words."""
    words: dict[str, frozenset[str]] = {}
    every: set[str] = set()
    for rule in book.rules:
        needed = [part for text in text_patterns(rule) for _, part in sieved(text)]
        words[rule.name] = frozenset().union(*needed) if all(needed) else frozenset()
        around = (*rule.not_after, *rule.cured_by)
        every.update(*needed, *(part for text in around for _, part in sieved(text)))
    return words, tuple(sorted(every))


class _Places:
    """Where patterns fit in one text; only lines with the pattern's literal are tried."""

    def __init__(self, text: CleanText, book: RuleBook) -> None:
        self._text = text
        self._digest = text.digest
        self._words, every = _sieve(book)
        digest = self._digest.text
        self._present = {word for word in every if word in digest}
        self._known: dict[str, list[tuple[int, int]]] = {}

    def may_speak(self, rule: Rule) -> bool:
        """Whether the text has any word that the rule needs."""
        words = self._words[rule.name]
        return not words or not self._present.isdisjoint(words)

    def lines_of(self, rules: Iterable[Rule]) -> Iterator[int]:
        """Indices of the lines that any of the rules fits."""
        for rule in filter(self.may_speak, rules):
            found = [
                (at, last)
                for at, last in self.spans(rule.patterns)
                if not self.any_on(rule.unless, at, last)
            ]
            if len(found) >= rule.min_count:
                for at, last in found:
                    yield from range(at, last + 1)

    def lines_with(self, patterns: Iterable[str]) -> list[int]:
        """Indices of the lines that any of the patterns fits."""
        return [at for at, _ in self.spans(patterns)]

    def spans(self, patterns: Iterable[str]) -> list[tuple[int, int]]:
        """First and last line of each match, in order, each place once."""
        return sorted({span for pattern in patterns for span in self._spans_of(pattern)})

    def any_on(self, patterns: Iterable[str], first: int, last: int) -> bool:
        """Whether any pattern fits on these lines."""
        if not patterns:
            return False
        lines = "\n".join(line.text for line in self._text.lines[first : last + 1])
        return any(compiled(pattern).search(lines) for pattern in patterns)

    def _spans_of(self, pattern: str) -> list[tuple[int, int]]:
        if pattern not in self._known:
            self._known[pattern] = [
                span
                for part, words in sieved(pattern)
                if not words or not self._present.isdisjoint(words)
                for span in self._search(part, words)
            ]
        return self._known[pattern]

    def _search(self, part: str, words: frozenset[str]) -> Iterator[tuple[int, int]]:
        fits = compiled(part)
        for begin, end in self._windows(words & self._present):
            for match in fits.finditer(self._text.text, begin, end):
                inside = match.start() + len(match[0]) - len(match[0].lstrip())
                first = self._text.index_at(min(inside, max(match.end() - 1, match.start())))
                yield first, self._text.index_at(max(match.end() - 1, match.start()))

    def _windows(self, words: frozenset[str]) -> Iterator[tuple[int, int]]:
        """Parts of the text around the lines with one of the words."""
        lines = self._text.lines
        total = len(self._text.text)
        if not words:
            half = _MOST_PLACES * 2
            spots = [
                *range(min(len(lines), half)),
                *range(max(half, len(lines) - half), len(lines)),
            ]
        else:
            spots = self._digest.lines_with(words)
        begin = end = -1
        for spot in spots:
            from_line, to_line = max(0, spot - 1), min(len(lines) - 1, spot + 1)
            low = self._text.start_of(from_line)
            high = min(total, self._text.start_of(to_line) + len(lines[to_line].text))
            if low <= end:
                end = max(end, high)
                continue
            if end >= 0:
                yield begin, end
            begin, end = low, high
        if end >= 0:
            yield begin, end
