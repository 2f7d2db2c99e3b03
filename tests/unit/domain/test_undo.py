"""What takes an action back, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from jobshape.app.domain.action import ActionEntry, ActionRecord, Batch, batches_of
from jobshape.app.domain.undo import last_undo, undo_of, why_not

GIB = 1 << 30


def record(number: int, method: str, job: str = "7", outcome: str = "done", **more: Any) -> Any:
    of_entry = {name: more.pop(name) for name in tuple(more) if name in ActionEntry.__slots__}
    known = {"site": "box", "user": "alice", "at": number}
    entry = ActionEntry(method, job, **of_entry)
    return ActionRecord(number, entry=entry, outcome=outcome, **{**known, **more})  # type: ignore[arg-type]


def memory(number: int, old: int, new: int, job: str = "7", **more: Any) -> ActionRecord:
    before, after = {"memory_bytes": old * GIB}, {"memory_bytes": new * GIB}
    changed: ActionRecord = record(number, "update", job, before=before, arguments=after, **more)
    return changed


@pytest.mark.parametrize(
    ("method", "inverse"),
    [("hold", "release"), ("release", "hold"), ("suspend", "resume"), ("resume", "suspend")],
)
def test_what_has_an_inverse(method: str, inverse: str) -> None:
    undo = undo_of(Batch((record(1, method, "4_7"), record(2, method, "9"))))
    assert [(e.method, e.job, e.undoes) for e in undo.entries] == [
        (inverse, "9", 2), (inverse, "4_7", 1),
    ]  # fmt: skip
    assert len({e.batch for e in undo.entries}) == 1
    assert undo.entries[0].batch
    assert undo.entries[0].reason == f"undo of {method}"


def test_a_change_goes_back_to_what_was_there() -> None:
    (entry,) = undo_of(Batch((memory(1, 4, 8),))).entries
    assert (entry.arguments, entry.before) == ({"memory_bytes": 4 * GIB}, {"memory_bytes": 8 * GIB})
    assert entry.title == "memory a node 8G -> 4G"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (record(1, "cancel"), "resubmit it"),
        (record(1, "requeue"), "the run that it had is over"),
        (record(1, "submit"), "cancel the job"),
        (record(1, "top"), "not known"),
        (record(1, "dance"), "cannot be taken back"),
        (record(1, "hold", outcome="refused"), "nothing was done"),
        (record(1, "hold", outcome="unknown"), "look whether it was done"),
        (record(1, "hold", outcome="asked"), "no answer came yet"),
        (record(1, "hold", undone_by=3), "already"),
        (record(3, "release", undoes=1), "it took something back itself"),
        (record(1, "update", arguments={"qos": "x", "nice": 1}, before={"nice": 0}),
         "what was there before is not known: qos"),
    ],
)  # fmt: skip
def test_why_not(made: ActionRecord, words: str) -> None:
    assert words in (why_not(made) or "")
    undo = undo_of(Batch((made,)))
    assert undo.entries == ()
    assert undo.left_out == (("7", why_not(made)),)


def test_an_older_value_is_not_put_over_a_newer_change() -> None:
    old, new = memory(1, 4, 8), memory(2, 8, 16)
    (left_out,) = undo_of(Batch((old,)), [new, old]).left_out
    assert "changed again since" in left_out[1]
    of_array = memory(2, 8, 16, "7_[1-9]")
    assert not undo_of(Batch((memory(1, 4, 8, "7_3"),)), [of_array]).entries
    for harmless in (
        memory(2, 8, 16, "8"), memory(2, 8, 16, outcome="refused"), memory(2, 8, 16, undone_by=3),
        memory(3, 16, 8, undoes=2), record(2, "update", arguments={"nice": 1}), record(2, "hold"),
    ):  # fmt: skip
        assert undo_of(Batch((old,)), [harmless]).entries


def test_pressed_again_and_again_it_goes_further_back() -> None:
    records = [
        record(9, "hold", user="bob"), record(8, "cancel"), memory(7, 8, 16, batch="b"),
        memory(6, 8, 16, "6", batch="b"), memory(5, 4, 8), record(4, "hold", "1"),
    ]  # fmt: skip
    taken: list[list[int]] = []
    number = 10
    while (found := last_undo(records, "alice")) is not None:
        batch, undo = found
        taken.append([one.id for one in batch.records])
        for entry in undo.entries:
            records = [
                one if one.id != entry.undoes else ActionRecord(
                    one.id, one.site, one.user, one.at, one.entry, one.outcome, undone_by=number
                )
                for one in records
            ]  # fmt: skip
            done = ActionRecord(number, "box", "alice", number, entry, "done")
            records.insert(0, done)
            number += 1
    assert taken == [[6, 7], [5], [4]]


def test_a_batch_is_told_in_a_few_words() -> None:
    batch = Batch((memory(1, 4, 8, title="memory 4G -> 8G"), record(2, "hold", "8")))
    assert batch.title == "memory 4G -> 8G and 1 more"
    assert batch.outcomes == {"done": 2}
    assert [one.key for one in batches_of([record(2, "hold"), record(1, "hold")])] == ["2", "1"]
