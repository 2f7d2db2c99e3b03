"""What takes an action back: worked out from what is kept of it, before anything is sent."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jobshape.app.domain.action import (
    ActionEntry,
    ActionRecord,
    Batch,
    batches_of,
    new_batch,
    touches,
    words_of_changes,
)

INVERSE = {"hold": "release", "release": "hold", "suspend": "resume", "resume": "suspend"}

_NEVER = {
    "cancel": "a cancelled job cannot come back: resubmit it",
    "requeue": "the run that it had is over",
    "submit": "cancel the job instead",
    "top": "what its place was before is not known",
}
_OUTCOMES = {
    "asked": "no answer came yet",
    "refused": "it was refused, so nothing was done",
    "unknown": "no answer came: look whether it was done",
}


class Undo(NamedTuple):
    """What would be sent, and what cannot be taken back: (job, why)."""

    entries: tuple[ActionEntry, ...]
    left_out: tuple[tuple[str, str], ...]


def why_not(record: ActionRecord) -> str | None:
    """Why this action cannot be taken back; None if it can."""
    method = record.entry.method
    if record.entry.undoes is not None:
        return "it took something back itself: do that again instead"
    if record.outcome != "done":
        return _OUTCOMES[record.outcome]
    if record.undone_by is not None:
        return "it was taken back already"
    if method in INVERSE:
        return None
    if method != "update":
        return _NEVER.get(method, "it cannot be taken back")
    unknown = [name for name in _changed(record) if record.entry.before.get(name) is None]
    if unknown:
        names = ", ".join(name.replace("_", " ") for name in unknown)
        return f"what was there before is not known: {names}"
    return None


def undo_of(batch: Batch, later: Iterable[ActionRecord] = ()) -> Undo:
    """What takes a batch back, the last thing first. later: actions that came after it."""
    after = [record for record in later if _still_holds(record)]
    name = new_batch()
    entries: list[ActionEntry] = []
    left_out: list[tuple[str, str]] = []
    for record in reversed(batch.records):
        reason = why_not(record) or _overtaken(record, after)
        if reason is None:
            entries.append(_inverse(record, name))
        else:
            left_out.append((record.entry.job, reason))
    return Undo(tuple(entries), tuple(left_out))


def last_undo(records: Sequence[ActionRecord], user: str) -> tuple[Batch, Undo] | None:
    """The last batch of this user of which something can be taken back.

    records: newest first, no batch cut.
    """
    later: list[ActionRecord] = []
    for batch in batches_of(records):
        if batch.records[0].user == user:
            undo = undo_of(batch, later)
            if undo.entries:
                return batch, undo
        later += batch.records
    return None


def _still_holds(record: ActionRecord) -> bool:
    """Whether it did something that stands: no undo, and not undone."""
    done = record.outcome == "done" and record.entry.undoes is None
    return done and record.undone_by is None


def _changed(record: ActionRecord) -> Mapping[str, Any]:
    values = record.entry.arguments
    return {name: value for name, value in values.items() if value is not None}


def _overtaken(record: ActionRecord, later: Iterable[ActionRecord]) -> str | None:
    """Whether the same was changed again since, so that the old value would undo that one too."""
    if record.entry.method != "update":
        return None
    changed = _changed(record)
    for other in later:
        if other.entry.method != "update" or other.id <= record.id:
            continue
        again = sorted(changed.keys() & _changed(other).keys())
        if again and touches(other.entry.job, record.entry.job):
            return f"{again[0].replace('_', ' ')} was changed again since: undo that first"
    return None


def _inverse(record: ActionRecord, batch: str) -> ActionEntry:
    entry = record.entry
    reason = f"undo of {entry.words}"
    if entry.method in INVERSE:
        method = INVERSE[entry.method]
        return ActionEntry(method, entry.job, method, reason=reason, batch=batch, undoes=record.id)
    now = _changed(record)
    back = {name: entry.before[name] for name in now}
    return ActionEntry(
        "update", entry.job, words_of_changes(now, back), back, now, reason, batch, record.id
    )
