from __future__ import annotations

import pytest
from jobshape.app.domain.states import (
    Phase,
    is_finished,
    known_states,
    letters_of,
    phase_of,
    state_of,
)

# squeue --helpstate of 24.11 and 26.05, in Slurm's own order.
SAID_BY_SQUEUE = (
    "pending", "running", "suspended", "completed", "cancelled", "failed", "timeout", "node_fail",
    "preempted", "boot_fail", "deadline", "out_of_memory", "completing", "configuring",
    "expediting", "resizing", "resv_del_hold", "requeued", "requeue_fed", "requeue_hold",
    "revoked", "signaling", "special_exit", "stage_out", "stopped",
)  # fmt: skip


@pytest.mark.parametrize("state", SAID_BY_SQUEUE)
def test_every_state_of_squeue_is_known(state: str) -> None:
    assert state.upper() in known_states()
    assert phase_of(state.upper()) is not Phase.UNKNOWN


def test_letters_are_a_way_back() -> None:
    assert len({letters_of(state) for state in known_states()}) == len(known_states())
    assert all(state_of(letters_of(state)) == state for state in known_states())


def test_a_state_of_a_newer_slurm_is_kept() -> None:
    assert state_of("QUANTUM_LEAP") == "QUANTUM_LEAP"
    assert phase_of("QUANTUM_LEAP") is Phase.UNKNOWN
    assert letters_of("QUANTUM_LEAP") == "QUA"
    assert not is_finished("QUANTUM_LEAP")


@pytest.mark.parametrize(
    ("word", "state"),
    [("running", "RUNNING"), ("r", "RUNNING"), ("CANCELLED by 2001", "CANCELLED"),
     ("CANCELLED+", "CANCELLED"), ("oom", "OUT_OF_MEMORY"), (" PD ", "PENDING")],
)  # fmt: skip
def test_words_for_states(word: str, state: str) -> None:
    assert state_of(word) == state


def test_finished() -> None:
    assert all(map(is_finished, ("COMPLETED", "FAILED", "CANCELLED", "OUT_OF_MEMORY", "PREEMPTED")))
    assert not any(map(is_finished, ("PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED")))
