"""Why a node is out, and since when, as scontrol prints it."""

from __future__ import annotations

from datetime import datetime

import pytest
from jobshape.app.backends.commands.site import parse_nodes
from jobshape.app.backends.pyslurm.site import _moment


def reason_of(text: str) -> tuple[str, int | None]:
    (node,) = parse_nodes(f"NodeName=n1 CPUTot=4\n   State=IDLE+DRAIN\n   {text}\n\n")
    return node.reason, node.reason_since


@pytest.mark.parametrize("reason", ["fan 2 slow", "see [ticket 4] at 10:00", "a@b"])
def test_the_reason_without_who_wrote_it_and_when(reason: str) -> None:
    since = int(datetime(2026, 11, 21, 10, 30).timestamp())
    assert reason_of(f"Reason={reason} [root@2026-11-21T10:30:00]") == (reason, since)


def test_no_mark_no_moment() -> None:
    assert reason_of("Reason=fan 2 slow") == ("fan 2 slow", None)
    assert reason_of("Reason=fan [root@Unknown]") == ("fan", None)
    assert reason_of("Reason=fan [root@yesterday]") == ("fan", None)
    assert reason_of("Comment=none") == ("", None)


@pytest.mark.parametrize(
    ("said", "moment"), [(1_795_000_000, 1_795_000_000), (0, None), (None, None), ("a date", None)]
)
def test_what_pyslurm_says(said: object, moment: int | None) -> None:
    assert _moment(said) == moment
