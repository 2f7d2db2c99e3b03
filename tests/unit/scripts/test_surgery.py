"""Scripts changed in their #SBATCH lines, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.units import MIB
from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.options import OPTIONAL, REQUIRED, TAKES
from jobshape.app.scripts.shape import shape_of
from jobshape.app.scripts.surgery import with_options, with_shape

NAMES = st.text("abcz019-_.", min_size=1, max_size=8)
COUNTS = st.integers(1, 300)
GPUS = st.one_of(
    st.integers(0, 16).map(str),
    st.builds("{}:{}".format, st.sampled_from(["a100", "h100", "tesla_v100"]), st.integers(1, 8)),
)
SHAPES = st.builds(
    JobShape,
    partition=st.none() | NAMES,
    account=st.none() | NAMES,
    qos=st.none() | NAMES,
    nodes=st.none() | COUNTS,
    tasks=st.none() | COUNTS,
    cpus_per_task=st.none() | COUNTS,
    memory_bytes=st.none() | st.integers(0, 1 << 22).map(lambda size: size * MIB),
    gpus=st.none() | GPUS,
    time_limit_s=st.none() | st.integers(1, 10**7) | st.just(UNLIMITED),
    array=st.none() | st.sampled_from(["0-9", "1,3,7", "0-99%4", "1-9:2"]),
    features=st.none() | st.sampled_from(["a100", "a&b", "[x|y]", "gpu*2"]),
    exclude_nodes=st.none() | st.sampled_from(["n1", "n[1-3],m2"]),
)

_VALUES = {
    "--mem": ["4G", "1500", "0", "12GB", "800K"],
    "--mem-per-cpu": ["2G", "512M"],
    "--mem-per-gpu": ["16G"],
    "--nodes": ["1", "2", "2-4", "1k", "4-4"],
    "--ntasks": ["1", "8", "5"],
    "--ntasks-per-node": ["1", "4"],
    "--cpus-per-task": ["1", "16"],
    "--cpus-per-gpu": ["4"],
    "--time": ["30", "1:00:00", "2-00", "0", "UNLIMITED", "5:30"],
    "--gres": ["gpu:1", "gpu:a100:2", "nvme:1", "nvme:1,gpu:2", "none", "gpu:a:1,gpu:b:2"],
    "--gpus": ["1", "4", "a100:4"],
    "--gpus-per-node": ["2", "v100:1"],
    "--gpus-per-task": ["1"],
    "--partition": ["main", "main,long"],
    "--account": ["phys"],
    "--qos": ["high"],
    "--array": ["0-9%2"],
    "--job-name": ["x", "'two words'", '"a#b"'],
    "--comment": ["'it\\'s'", '"a \\"b\\""', "''x"],
    "--exclude": ["n3"],
    "--constraint": ["'a&b'"],
}
_SHORT = {"--nodes": "-N", "--ntasks": "-n", "--time": "-t", "--partition": "-p",
          "--job-name": "-J", "--cpus-per-task": "-c", "--account": "-A",
          "--array": "-a", "--exclude": "-x"}  # fmt: skip


@st.composite
def option_words(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from([*_VALUES, "--exclusive", "--requeue", "-H", "-HO"]))
    if name not in _VALUES:
        return name
    value = draw(st.sampled_from(_VALUES[name]))
    if name in _SHORT and draw(st.booleans()):
        prefix = draw(st.sampled_from(["-", "-H", "-Os"]))
        return f"{prefix}{_SHORT[name][1]}{draw(st.sampled_from(['', ' ', '   ']))}{value}"
    if draw(st.integers(0, 9)) == 0:
        return f'"{name}=7"' if "'" not in value and '"' not in value else f"{name}={value}"
    return f"{name}{draw(st.sampled_from(['=', ' ', chr(9)]))}{value}"


@st.composite
def scripts(draw: st.DrawFn) -> str:
    lines = ["#!/bin/bash"]
    for _ in range(draw(st.integers(0, 7))):
        match draw(st.integers(0, 9)):
            case 0:
                lines.append(draw(st.sampled_from(["# a comment", "", "   ", "##SBATCH --mem=1G"])))
            case 1:
                lines.append("#SBATCH hetjob")
            case _:
                words = draw(st.lists(option_words(), min_size=1, max_size=3))
                blank = draw(st.sampled_from([" ", "  ", "\t"]))
                comment = draw(st.sampled_from(["", "", " # why", "  # --mem=1T", " "]))
                lines.append(f"#SBATCH{blank}{blank.join(words)}{comment}")
    lines += draw(st.sampled_from([[], [""], ["srun ./a.out", ""], ["", "true", "#SBATCH -n 7"]]))
    return draw(st.sampled_from(["\n", "\n", "\n", "\r\n"])).join(lines)


def shape(text: str, group: int = 0) -> JobShape:
    return shape_of(read_script(text).options(group))[0]


def others(text: str) -> list[str]:
    """All lines that sbatch does not read."""
    return [line for line in text.split("\n") if not line.startswith("#SBATCH")]


@settings(max_examples=300, deadline=None)
@given(scripts(), SHAPES, st.data())
def test_a_changed_script_asks_for_the_new_shape(
    text: str, wanted: JobShape, data: st.DataObject
) -> None:
    group = data.draw(st.integers(0, read_script(text).groups - 1))
    old = shape(text, group)
    new_text = with_shape(text, wanted, group=group)
    now = shape(new_text, group)
    # Memory and GPUs that could not be computed before may be so now.
    expected = wanted.over(old)
    for name in ("memory_bytes", "gpus"):
        if getattr(expected, name) is None:
            expected = replace(expected, **{name: getattr(now, name)})
    assert now == expected
    for other in range(read_script(text).groups):
        if other != group:
            assert shape(new_text, other) == shape(text, other)
    if text.count("\n") and text.split("\n")[-1]:
        text, new_text = text.rstrip("\r"), new_text.rstrip("\r")
    assert [line.rstrip("\r") for line in others(text)] == [
        line.rstrip("\r") for line in others(new_text)
    ]
    assert with_shape(new_text, wanted, group=group) == new_text


@settings(max_examples=200, deadline=None)
@given(scripts())
def test_the_same_shape_changes_no_byte(text: str) -> None:
    for group in range(read_script(text).groups):
        assert with_shape(text, shape(text, group), group=group) == text


@settings(max_examples=300, deadline=None)
@given(
    scripts(),
    st.dictionaries(
        st.sampled_from(sorted(TAKES)),
        st.none() | st.text(st.characters(min_codepoint=32), max_size=12),
        max_size=3,
    ),
)
def test_any_option_reads_back(text: str, options: dict[str, str | None]) -> None:
    try:
        new_text = with_options(text, options)
    except BadRequest:
        assert any((value and TAKES[name] not in (OPTIONAL, REQUIRED)) or "\x7f" in (value or "")
                   for name, value in options.items())  # fmt: skip
        return
    before, after = read_script(text).options(), read_script(new_text).options()
    rivals = {"mem", "mem-per-cpu", "mem-per-gpu", "cpus-per-task", "cpus-per-gpu"}
    for name in TAKES:
        if name in options and not (name in rivals and len(rivals & set(options)) > 1):
            assert after.get(name) == options[name]
        elif name not in rivals and name not in options:
            assert after.get(name) == before.get(name)


@settings(max_examples=300, deadline=None)
@given(st.text(), SHAPES)
def test_any_text_is_changed_or_refused(text: str, wanted: JobShape) -> None:
    for script in (text, f"#!/bin/sh\n#SBATCH {text}\n", f"#!/bin/sh\n#SBATCH -t{text}"):
        try:
            assert with_shape(script, shape(script)) == script
            new = with_shape(script, wanted)
            now = shape(new)
            assert all(getattr(now, name) == value for name, value in wanted.said())
        except BadRequest:
            pass
