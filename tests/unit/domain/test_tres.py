from __future__ import annotations

from jobshape.app.domain.tres import (
    parse_tres,
    tres_cpus,
    tres_gpus,
    tres_memory_bytes,
    tres_nodes,
)


def test_all_figures() -> None:
    tres = parse_tres("cpu=2K,mem=812.50G,node=3,billing=144,gres/gpu=4,gres/gpu:a100=4")
    assert (tres_cpus(tres), tres_nodes(tres), tres_gpus(tres)) == (2048, 3, 4)
    assert tres_memory_bytes(tres) == 1625 << 29


def test_gpus_by_type_are_added_up() -> None:
    assert tres_gpus(parse_tres("cpu=1,gres/gpu:a100=2,gres/gpu:t4=3")) == 5


def test_no_gpu_is_zero_and_nothing_said_is_unknown() -> None:
    assert tres_gpus(parse_tres("cpu=1")) == 0
    assert tres_gpus(parse_tres("")) is None
    assert tres_gpus(parse_tres("(null)")) is None


def test_what_is_not_said() -> None:
    tres = parse_tres("billing=3")
    assert (tres_cpus(tres), tres_nodes(tres), tres_memory_bytes(tres)) == (None, None, None)


def test_a_bare_number_of_memory_is_mebibytes() -> None:
    assert tres_memory_bytes(parse_tres("mem=60")) == 60 << 20
