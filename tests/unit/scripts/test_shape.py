"""From sbatch's options to a job's shape, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.domain.units import GIB, MIB
from jobshape.app.scripts.shape import option_value, options_of, shape_of

from .test_surgery import SHAPES


@pytest.mark.parametrize(
    ("options", "memory_bytes"),
    [
        ("mem=4G", 4 * GIB),
        ("mem=4096", 4 * GIB),
        ("mem=1gb", GIB),
        ("mem=+33", 33 * MIB),
        ("mem=1500K", 2 * MIB),
        ("mem=0", 0),
        ("mem-per-cpu=0", 0),
        ("mem-per-cpu=2G", 2 * GIB),
        ("mem-per-cpu=2G cpus-per-task=3", 6 * GIB),
        ("mem-per-cpu=2G cpus-per-task=3 ntasks=2 nodes=1", 12 * GIB),
        ("mem-per-cpu=2G ntasks=6 nodes=3", 4 * GIB),
        ("mem-per-cpu=2G nodes=3", 2 * GIB),
        ("mem-per-cpu=2G nodes=2-4", 2 * GIB),
        ("mem-per-cpu=2G ntasks-per-node=4 nodes=2-4", 8 * GIB),
        ("mem-per-cpu=2G ntasks=4", None),
        ("mem-per-cpu=2G ntasks=5 nodes=2", None),
        ("mem-per-cpu=2G ntasks=4 nodes=1-2", None),
        ("mem-per-cpu=2G exclusive=", None),
        ("mem-per-cpu=2G cpus-per-gpu=4 gpus=1", None),
        ("mem-per-gpu=8G gres=gpu:2", 16 * GIB),
        ("mem-per-gpu=8G gpus=a100:4 nodes=2", 16 * GIB),
        ("mem-per-gpu=8G", None),
        ("mem-per-gpu=8G gpus=4 ntasks=4", None),
    ],
)
def test_memory(options: str, memory_bytes: int | None) -> None:
    shape, problems = shape_of(dict(word.split("=", 1) for word in options.split()))
    assert shape.memory_bytes == memory_bytes and not problems


@pytest.mark.parametrize(
    ("options", "gpus"),
    [
        ("gres=gpu", "1"),
        ("gres=gpu:3", "3"),
        ("gres=gpu=3", "3"),
        ("gres=gres/gpu:a100:2", "a100:2"),
        ("gres=gpu:a100", "a100:1"),
        ("gres=nvme:1,gpu:2", "2"),
        ("gres=nvme:1", None),
        ("gres=gpu:a:1,gpu:b:1", None),
        ("gres=gpu:0", "0"),
        ("gres=NONE", "0"),
        ("gpus=4", "4"),
        ("gpus=gpu:4", "4"),
        ("gpus=a100", "a100:1"),
        ("gpus=4 nodes=2", "2"),
        ("gpus=3 nodes=2", None),
        ("gpus=4 ntasks=2", None),
        ("gpus=1 ntasks=2", "1"),
        ("gpus=a100:1,v100:1", None),
        ("gpus-per-node=v100:2 nodes=4", "v100:2"),
        ("gpus-per-task=2 ntasks=4 nodes=2", "4"),
        ("gpus-per-task=2 ntasks=4", None),
        ("gpus-per-task=a100:2", "a100:2"),
        ("gpus-per-socket=2", None),
    ],
)
def test_gpus(options: str, gpus: str | None) -> None:
    shape, problems = shape_of(dict(word.split("=", 1) for word in options.split()))
    assert shape.gpus == gpus and not problems


@pytest.mark.parametrize(
    ("text", "time_limit_s"),
    [
        ("30", 1800),
        ("1:90", 150),
        ("2:30:00", 9000),
        ("1-", 86400),
        ("1-12", 129600),
        ("0-2:3", 7380),
        ("1-2:3:4", 93784),
        ("0", UNLIMITED),
        ("infinite", UNLIMITED),
        ("UNLIMITED", UNLIMITED),
    ],
)
def test_time(text: str, time_limit_s: int) -> None:
    assert shape_of({"time": text}) == (JobShape(time_limit_s=time_limit_s), [])


# Each of these is refused by Slurm 26.05.5, too, but for "nodes=0", with which no job can run.
@pytest.mark.parametrize(
    "option",
    ["mem=1.5G", "mem=1 G", "mem=1Gxyz", "mem=1GiB", "mem=-1", "mem=1P", "mem=", "mem-per-cpu=x",
     "time=2h", "time=5:", "time=1:2:3:4", "time=+5", "time= 5", "time=1-:5", "time=", "time=１",
     "ntasks=0", "ntasks=2x", "ntasks=-1", "ntasks=9999999999", "cpus-per-task=1.5", "nodes=0",
     "nodes=4-2", "nodes=x", "nodes=", "array=", "array=a", "array=1-", "gres=gpu:x:y",
     "gpus=-1", "gpus=:", "cpus-per-task=٣"],
)  # fmt: skip
def test_what_sbatch_refuses(option: str) -> None:
    name, _, value = option.partition("=")
    shape, problems = shape_of({name: value})
    assert shape == JobShape()
    assert [problem.kind for problem in problems] == ["value"]
    assert f"--{name}" in problems[0].what and problems[0].hint


def test_memory_is_said_once() -> None:
    shape, [problem] = shape_of({"mem": "1G", "mem-per-cpu": "2G"})
    assert shape.memory_bytes == GIB
    assert problem.what == "--mem and --mem-per-cpu exclude each other"


@pytest.mark.parametrize(("text", "nodes"), [("2-4", 2), ("1k", 1024), ("2,4,8", 2), ("4-4", 4)])
def test_nodes(text: str, nodes: int) -> None:
    assert shape_of({"nodes": text}) == (JobShape(nodes=nodes), [])


@given(SHAPES)
def test_a_shape_is_read_back(shape: JobShape) -> None:
    assert shape_of(options_of(shape)) == (shape, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("memory_bytes", -1),
        ("nodes", 0),
        ("tasks", 1 << 40),
        ("gpus", "a b"),
        ("gpus", ""),
        ("time_limit_s", 0),
        ("time_limit_s", -2),
        ("array", "x"),
        ("partition", ""),
    ],
)
def test_no_value_for_sbatch(field: str, value: object) -> None:
    with pytest.raises(BadRequest) as caught:
        option_value(field, value)
    assert caught.value.where == FIELD_OF[field].title and caught.value.hint


_VALUE = st.text(max_size=20) | st.text("0123456789:-,.%GKMTgpua=[]+ ", max_size=12)


@given(st.dictionaries(st.sampled_from(sorted({
    "mem", "mem-per-cpu", "mem-per-gpu", "nodes", "ntasks", "ntasks-per-node", "cpus-per-task",
    "cpus-per-gpu", "gpus", "gpus-per-node", "gpus-per-task", "gres", "time", "array", "exclusive",
})), _VALUE))  # fmt: skip
def test_any_options_make_a_shape(options: dict[str, str]) -> None:
    shape, problems = shape_of(options)
    assert all(problem.what for problem in problems)
    assert shape_of(options_of(shape)) == (shape, [])
