"""The ranking: root before consequence, Slurm's word before the program's, and rather nothing.

Every rule that speaks gives its class the rule's weight, less what speaks against it; the
heaviest class is the cause. TAXONOMY of the failure corpus, "Rules that stand above the classes".
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jobshape.app.domain.finding import NONE, UNKNOWN
from jobshape.app.signals.fields import Fields
from jobshape.app.signals.matching import Hit, Reading
from jobshape.app.signals.rule import CASCADE, CONFIRMATION, CRASH, ROOT, SCHEDULER, Rule

_SUPERSEDED = 28
"""Weight lost by an exception after which the program went on to another."""
_IGNORED = 40
"""Weight lost by an exception of Python's shutdown."""
_GENERIC = 66
"""Causes lighter than this fall when the program says afterwards that it ended well."""
_CLOSE = 8
"""Weights nearer than this leave a doubt."""

PYTHON = Rule("built-in:python-traceback", "python_exception", ROOT, 64, 0.93, ())
OUT_OF_MEMORY = Rule("built-in:killed-at-memory-limit", "oom_host", CASCADE, 55, 0.8, ())

ORPHAN = "orphan-exception"
"""The rule for a Python exception without its traceback: it says nothing where there is one."""


class Verdict(NamedTuple):
    """A class with its confidence and what speaks for it, strongest first."""

    label: str
    confidence: float
    hits: tuple[tuple[Reading | None, Hit], ...]


class _Voice(NamedTuple):
    reading: Reading | None
    hit: Hit
    weight: int
    order: tuple[int, int]  # earlier speaks for the root


def judge(readings: Sequence[Reading], field_hits: Iterable[Hit], fields: Fields) -> list[Verdict]:
    """Causes, likeliest first; one verdict of ``none`` or ``unknown`` where there are none."""
    voices = [_Voice(None, hit, hit.rule.weight, (len(readings), 0)) for hit in field_hits]
    for number, reading in enumerate(readings):
        voices += _voices_of(number, reading)
    forgiven: set[tuple[int, int]] = set()
    if not fields.failed:
        over = [voice for voice in voices if _went_on(voice, voices, fields)]
        voices = [voice for voice in voices if voice not in over]
        forgiven = {(id(v.reading), line) for v in over for line in _around(v)}
    else:
        voices = [voice for voice in voices if voice.hit.rule.label != NONE]
    voices += _memory_voice(voices, fields)
    troubled = any((id(r), line) not in forgiven for r in readings for line in r.trouble)
    proven = (
        fields.failed
        or troubled
        or any(
            voice.hit.rule.role != CONFIRMATION and voice.hit.rule.label != NONE for voice in voices
        )
    )
    proven = proven and fields.state != "COMPLETED"
    voices = [v for v in voices if proven or v.hit.rule.role != CONFIRMATION]
    if not fields.failed and _ended_well(readings, voices):
        voices = [v for v in voices if v.weight >= _GENERIC or v.hit.raised is not None]
        troubled = False
    verdicts = _ranked(voices, fields)
    causes = [verdict for verdict in verdicts if verdict.label != NONE]
    if causes and (verdicts[0].label != NONE or not fields.waits):
        return causes
    if verdicts:
        return verdicts[:1]
    return [_nothing(readings, fields, troubled)]


def _nothing(readings: Sequence[Reading], fields: Fields, troubled: bool) -> Verdict:
    """The verdict where no rule names a cause."""
    if fields.failed or (troubled and fields.state != "COMPLETED"):
        return Verdict(UNKNOWN, 0.65 if fields.failed else 0.45, ())
    if fields.state == "COMPLETED":
        return Verdict(NONE, 0.95, ())
    said_well = any(reading.success for reading in readings)
    return Verdict(NONE, 0.95 if said_well else 0.92, ())


def _voices_of(number: int, reading: Reading) -> Iterable[_Voice]:
    chains = _chains(reading)
    ended = _decisive(reading, chains)
    told = {hit.at for hit in reading.hits if not _is_orphan(hit)}
    by_rule = [
        hit
        for hit in reading.hits
        if not (_is_orphan(hit) and (hit.raised is not None or hit.at in told))
    ]
    with_rule = {hit.raised for hit in by_rule}
    for hit in by_rule:
        yield _Voice(reading, hit, _weight(reading, hit, ended), (number, hit.at or 0))
    for index, one in enumerate(reading.raised):
        chain_speaks = any(member in with_rule for member in chains[one.chain])
        if not chain_speaks:
            hit = Hit(PYTHON, one.ending, index)
            yield _Voice(reading, hit, _weight(reading, hit, ended), (number, one.ending))


def _around(voice: _Voice) -> range:
    """The lines that tell of what a voice names."""
    at = voice.hit.at or 0
    if voice.reading is None or voice.hit.raised is None:
        return range(at - 1, at + 4)
    one = voice.reading.raised[voice.hit.raised]
    return range(one.begin, one.end + 1)


def _went_on(voice: _Voice, voices: Sequence[_Voice], fields: Fields) -> bool:
    """Whether the program got over it: it tried again, or caught it, and the log goes on well."""
    reading, at = voice.reading, voice.hit.at
    if reading is None or at is None or voice.hit.rule.role in (SCHEDULER, CRASH):
        return False
    if voice.hit.raised is not None:
        one = reading.raised[voice.hit.raised]
        final = next(r for r in reversed(reading.raised) if not r.ignored or r is one)
        if final.chain != one.chain:
            return False
        end = final.end
        if fields.state == "COMPLETED":
            end, enough = one.ending, 3
        else:
            enough = 4
    else:
        again = [line for line in reading.retries if at - 1 <= line <= at + 3]
        if not again:
            return False
        end, enough = max(again + [line for line in reading.retries if _near(line, voices)]), 1
    later = range(end + 1, len(reading.text.lines))
    bad = {v.hit.at for v in voices if v.reading is reading and v.hit.rule.label != NONE}
    if any(line in later for line in (*reading.trouble, *(bad - {None}))):
        return False
    return sum(bool(reading.text.lines[line].text.strip()) for line in later) >= enough


def _near(line: int, voices: Sequence[_Voice]) -> bool:
    """Whether a cause was named just before a line."""
    return any(v.hit.at is not None and v.hit.at - 1 <= line <= v.hit.at + 3 for v in voices)


def _is_orphan(hit: Hit) -> bool:
    return hit.rule.name.endswith(f":{ORPHAN}")


def _weight(reading: Reading, hit: Hit, ended: set[int]) -> int:
    weight = hit.rule.weight
    if hit.raised is None:
        return weight
    one = reading.raised[hit.raised]
    if one.ignored:
        return max(1, weight - _IGNORED)
    if one.chain not in ended and hit.rule.role != SCHEDULER:
        return max(1, weight - _SUPERSEDED)
    return weight


def _chains(reading: Reading) -> dict[int, list[int]]:
    chains: dict[int, list[int]] = {}
    for index, one in enumerate(reading.raised):
        chains.setdefault(one.chain, []).append(index)
    return chains


def _decisive(reading: Reading, chains: dict[int, list[int]]) -> set[int]:
    """The chains that ended their ranks: of each the last that is a cause, not a consequence."""
    roles: dict[int, int] = {}
    for hit in reading.hits:
        if hit.raised is not None and not _is_orphan(hit):
            heavy = hit.rule.weight if hit.rule.role != CASCADE else 0
            roles[hit.raised] = max(roles.get(hit.raised, 0), heavy)
    last: dict[str, int] = {}
    last_root: dict[str, int] = {}
    for chain, members in chains.items():
        one = reading.raised[members[-1]]
        if one.ignored:
            continue
        last[one.rank] = chain
        if any(roles.get(member, PYTHON.weight) for member in members):
            last_root[one.rank] = chain
    return set(last.values()) | set(last_root.values())


def _memory_voice(voices: Sequence[_Voice], fields: Fields) -> list[_Voice]:
    """Out of memory, where a SIGKILL nobody explains met a peak at the limit."""
    if not fields.near_memory_limit:
        return []
    return [
        _Voice(None, Hit(OUT_OF_MEMORY, None, None, "MaxRSS"), OUT_OF_MEMORY.weight, voice.order)
        for voice in voices
        if voice.hit.rule.label == "signal_kill"
    ][:1]


def _ended_well(readings: Sequence[Reading], voices: Sequence[_Voice]) -> bool:
    """Whether the log's last word is that the program finished, with no trouble after it."""
    for reading in readings:
        if not reading.success:
            continue
        end = reading.success[-1]
        later = [v.hit.at for v in voices if v.reading is reading and v.hit.at is not None]
        if all(at <= end for at in (*later, *reading.trouble)):
            return True
    return False


def _ranked(voices: Sequence[_Voice], fields: Fields) -> list[Verdict]:
    by_label: dict[str, list[_Voice]] = {}
    for voice in voices:
        by_label.setdefault(voice.hit.rule.label, []).append(voice)
    best = {
        label: sorted(group, key=lambda v: (-v.weight, v.order))
        for label, group in by_label.items()
    }
    order = sorted(best, key=lambda label: (-best[label][0].weight, best[label][0].order))
    verdicts: list[Verdict] = []
    for place, label in enumerate(order):
        group = best[label]
        confidence = (
            group[0].hit.rule.confidence - (group[0].hit.rule.weight - group[0].weight) / 150
        )
        if fields.state == "COMPLETED" and label != NONE:
            confidence -= 0.15
        following = best[order[place + 1]][0].weight if place + 1 < len(order) else 0
        if group[0].weight - following < _CLOSE and following:
            confidence -= 0.03
        if place:
            confidence = min(confidence, verdicts[-1].confidence * 0.6)
        hits = tuple((v.reading, v.hit) for v in group)
        verdicts.append(Verdict(label, round(max(0.05, confidence), 3), hits))
    return verdicts
