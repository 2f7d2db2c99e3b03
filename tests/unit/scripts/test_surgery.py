"""Scripts changed in their #SBATCH lines, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.units import MIB
from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.options import OPTIONAL, REQUIRED, TAKES
from jobshape.app.scripts.shape import shape_of
from jobshape.app.scripts.surgery import diff, with_options, with_shape

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


@settings(max_examples=150, deadline=None)
@given(scripts(), SHAPES, st.data())
def test_a_changed_script_asks_for_the_new_shape(
    text: str, wanted: JobShape, data: st.DataObject
) -> None:
    group = data.draw(st.integers(0, read_script(text).groups - 1))
    old = shape(text, group)
    try:
        new_text = with_shape(text, wanted, group=group)
    except BadRequest as error:
        assert "would change as well" in error.what and read_script(text).groups > group + 1
        return
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
    before, after = ([line.rstrip("\r") for line in others(some)] for some in (text, new_text))
    if before and before[-1] and after[-1:] == [""]:  # the last line had no end, and is gone
        after.pop()
    assert before == after
    assert with_shape(new_text, wanted, group=group) == new_text


@settings(max_examples=150, deadline=None)
@given(scripts())
def test_the_same_shape_changes_no_byte(text: str) -> None:
    for group in range(read_script(text).groups):
        assert with_shape(text, shape(text, group), group=group) == text


@settings(max_examples=150, deadline=None)
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
    rivals = {"mem", "mem-per-cpu", "mem-per-gpu", "cpus-per-task", "cpus-per-gpu", "requeue",
              "no-requeue", "exclusive", "oversubscribe"}  # fmt: skip
    for name in TAKES:
        if name in options and not (name in rivals and len(rivals & set(options)) > 1):
            assert after.get(name) == options[name]
        elif name not in rivals and name not in options:
            assert after.get(name) == before.get(name)


@settings(max_examples=150, deadline=None)
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


# Old lines, what is asked for, new lines: all of them behind "#!/bin/bash".
@pytest.mark.parametrize(
    ("old", "wanted", "new"),
    [
        ("#SBATCH --mem=4G   # why\n#SBATCH -n4 -c 2\n",
         {"memory_bytes": 8 << 30, "tasks": 8, "cpus_per_task": 4},
         "#SBATCH --mem=8G   # why\n#SBATCH -n8 -c 4\n"),
        ("#SBATCH --mem-per-cpu=4G   # why\n#SBATCH -n 1 -c 2\n", {"memory_bytes": 12 << 30},
         "#SBATCH --mem=12G   # why\n#SBATCH -n 1 -c 2\n"),
        ("#SBATCH --mem-per-cpu=4G -c 2\n", {"cpus_per_task": 4},
         "#SBATCH --mem=8G -c 4\n"),
        ("#SBATCH --mem-per-cpu=4G -n 8\n", {"cpus_per_task": 4},
         "#SBATCH --mem-per-cpu=4G -n 8\n#SBATCH --cpus-per-task=4\n"),
        ("#SBATCH --mem=1G\n#SBATCH --mem=2G\n", {"memory_bytes": 3 << 30},
         "#SBATCH --mem=1G\n#SBATCH --mem=3G\n"),
        ("#SBATCH --mem=2048\n", {"memory_bytes": 2 << 30}, "#SBATCH --mem=2048\n"),
        ("#SBATCH --mem-per-gpu=8G --gres=gpu:2\n", {"memory_bytes": 20 << 30},
         "#SBATCH --mem=20G --gres=gpu:2\n"),
        ("#SBATCH --gpus=a100:4 -N2\n", {"gpus": "a100:4"}, "#SBATCH --gres=gpu:a100:4 -N2\n"),
        ("#SBATCH --gpus=a100:4 -N2\n", {"gpus": "a100:2"}, "#SBATCH --gpus=a100:4 -N2\n"),
        ("#SBATCH --gpus=4 -N 1\n", {"nodes": 2}, "#SBATCH --gres=gpu:4 -N 2\n"),
        ("#SBATCH --gpus-per-node=2\n", {"gpus": "h100:4"}, "#SBATCH --gpus-per-node=h100:4\n"),
        ("#SBATCH --gres=nvme:1,gpu:a:2,disk:1\n#SBATCH --gpus-per-task=1\nrun\n", {"gpus": "b:4"},
         "#SBATCH --gres=nvme:1,gpu:b:4,disk:1\nrun\n"),
        ("#SBATCH --gres=gpu:a:2,gpu:b:1\n", {"gpus": "0"}, "#SBATCH --gres=gpu:0\n"),
        ("#SBATCH --gres=none\n", {"gpus": "1"}, "#SBATCH --gres=gpu:1\n"),
        ("#SBATCH '--mem=4G'\n#SBATCH --mem='4G' -t\t30 #x\n",
         {"memory_bytes": 12 << 30, "time_limit_s": 7200},
         "#SBATCH '--mem=4G'\n#SBATCH --mem='12G' -t\t02:00:00 #x\n"),
        ('#SBATCH "--mem=4G" # x\n', {"memory_bytes": 5 << 30}, '#SBATCH "--mem=5G" # x\n'),
        ('#SBATCH -p "a b"\n', {"partition": "c"}, '#SBATCH -p "c"\n'),
        ("#SBATCH -HOn4\n", {"tasks": 6}, "#SBATCH -HOn6\n"),
        ("#SBATCH -N 2-8 --ntasks-per-node=4\n", {"nodes": 3, "tasks": 12},
         "#SBATCH -N 3-8 --ntasks-per-node=4\n#SBATCH --ntasks=12\n"),
        ("#SBATCH -N2 --ntasks-per-node=4 # why\n", {"tasks": 12},
         "#SBATCH -N2 --ntasks=12 # why\n"),
        ("#SBATCH --nodes=2-4\n", {"nodes": 5}, "#SBATCH --nodes=5\n"),
        ("#SBATCH --cpus-per-gpu=4 -G1\n", {"cpus_per_task": 8}, "#SBATCH --cpus-per-task=8 -G1\n"),
        ("\n# why\necho", {"partition": "a,b", "time_limit_s": UNLIMITED},
         "#SBATCH --partition=a,b\n#SBATCH --time=UNLIMITED\n\n# why\necho"),
        ("# why\n#SBATCH -n 1\n\n#SBATCH -t 5\necho\n", {"array": "0-3%2"},
         "# why\n#SBATCH -n 1\n\n#SBATCH -t 5\n#SBATCH --array=0-3%2\necho\n"),
        ("#SBATCH -t 5", {"qos": "high"}, "#SBATCH -t 5\n#SBATCH --qos=high"),
        ("#SBATCH --part=a --tim=5 --arr=1\n", {"partition": "b"},
         "#SBATCH --part=b --tim=5 --arr=1\n"),
        ("#SBATCH -t 5\\\n", {"time_limit_s": 600}, "#SBATCH -t 00:10:00\n"),
        ("true\n#SBATCH -t 5\n", {"time_limit_s": 600},
         "#SBATCH --time=00:10:00\ntrue\n#SBATCH -t 5\n"),
        ("#SBATCH -C 'a&b'\n", {"features": "a|b", "exclude_nodes": "n[1-3]"},
         "#SBATCH -C 'a|b'\n#SBATCH --exclude=n[1-3]\n"),
    ],
)  # fmt: skip
def test_shapes(old: str, wanted: dict[str, object], new: str) -> None:
    text = with_shape(f"#!/bin/bash\n{old}", JobShape(**wanted))  # type: ignore[arg-type]
    assert text == f"#!/bin/bash\n{new}"
    dos = f"#!/bin/bash\n{old}".replace("\n", "\r\n")
    if "\\" not in old:
        assert with_shape(dos, JobShape(**wanted)) == text.replace("\n", "\r\n")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "options", "new"),
    [
        ("#SBATCH -t 1:00 -n 2 # c\n", {"time": None}, "#SBATCH -n 2 # c\n"),
        ("#SBATCH -t 1:00 -n 2 # c\n", {"ntasks": None}, "#SBATCH -t 1:00 # c\n"),
        ("#SBATCH -n 2 # c\ntrue\n", {"ntasks": None}, "true\n"),
        ("#SBATCH -n 2\n#SBATCH --ntasks=3", {"ntasks": None}, ""),
        ("#SBATCH -HO\n", {"hold": None}, "#SBATCH -O\n"),
        ("#SBATCH -HO\n", {"hold": None, "overcommit": None}, ""),
        ("#SBATCH -HJx -n 1\n", {"job-name": None}, "#SBATCH -H -n 1\n"),
        ("#SBATCH -HJ 'a b' -n 1\n", {"job-name": "c"}, "#SBATCH -HJ 'c' -n 1\n"),
        ("#SBATCH -HJx -n 1\n", {"job-name": ""}, "#SBATCH -H --job-name= -n 1\n"),
        ("#SBATCH -OsA phys -n 1\n", {"exclusive": ""},
         "#SBATCH -OA phys --exclusive -n 1\n"),
        ("#SBATCH -HJ x -n 1\n", {"job-name": ""}, "#SBATCH -H --job-name= -n 1\n"),
        ("#SBATCH --exclusive\n", {"exclusive": "user"}, "#SBATCH --exclusive=user\n"),
        ("#SBATCH --exclusive=user\n", {"exclusive": ""}, "#SBATCH --exclusive\n"),
        ("#SBATCH --comment=x\n", {"comment": ""}, "#SBATCH --comment=\n"),
        ("#SBATCH -J x # y\n", {"job-name": "it's #1"}, '#SBATCH -J "it\'s #1" # y\n'),
        ("#SBATCH -J 'x'\n", {"job-name": 'a"\\'}, '#SBATCH -J "a\\"\\\\"\n'),
        ("#SBATCH -J x\n", {"job-name": "--mem=1"}, "#SBATCH -J --mem=1\n"),
        ("", {"hold": "", "comment": "a b"}, '#SBATCH --hold\n#SBATCH --comment="a b"\n'),
        ("#SBATCH --mem-per-cpu=1G -n 1\n", {"mem": "2G"}, "#SBATCH --mem=2G -n 1\n"),
        ("#SBATCH --no-requeue\n#SBATCH --requeue\n", {"no-requeue": ""},
         "#SBATCH --no-requeue\n"),
        ("#SBATCH --gres=gpu:1\n", {"gpus": "2"}, "#SBATCH --gres=gpu:1\n#SBATCH --gpus=2\n"),
    ],
)  # fmt: skip
def test_options(old: str, options: dict[str, str | None], new: str) -> None:
    assert with_options(f"#!/bin/bash\n{old}", options) == f"#!/bin/bash\n{new}"


def test_one_component() -> None:
    text = "#!/bin/sh\n#SBATCH -n 1\n#SBATCH hetjob\n\n#SBATCH hetjob # c\n#SBATCH -n 3\ntrue\n"
    new = with_shape(text, JobShape(tasks=2, partition="a"), group=1)
    assert new == text.replace("hetjob\n", "hetjob\n#SBATCH --partition=a\n#SBATCH --ntasks=2\n", 1)
    assert with_shape(text, JobShape(tasks=4), group=2) == text.replace("-n 3", "-n 4")
    with pytest.raises(BadRequest, match="no component 3"):
        with_shape(text, JobShape(tasks=2), group=3)


@pytest.mark.parametrize(
    ("old", "wanted", "where"),
    [
        ("#SBATCH -N\n#SBATCH 2\n", {"nodes": 3}, "line 2 of the script"),
        ("#SBATCH -n 1\n#SBATCH -N\n", {"nodes": 3}, "line 3 of the script"),
        ("#SBATCH --tres-per-task=gres/gpu:1\n", {"gpus": "2"}, "line 2 of the script"),
        ("#SBATCH -n 1\n", {"partition": "a\nb"}, "--partition=a\u240ab"),
        ("#SBATCH -n 1\n", {"nodes": 0}, "Nodes"),
    ],
)
def test_what_cannot_be_changed(old: str, wanted: dict[str, object], where: str) -> None:
    with pytest.raises(BadRequest) as caught:
        with_shape(f"#!/bin/bash\n{old}", JobShape(**wanted))  # type: ignore[arg-type]
    assert caught.value.where == where


def test_no_interpreter_no_new_line() -> None:
    with pytest.raises(BadRequest) as caught:
        with_shape("true\n", JobShape(nodes=1))
    assert caught.value.where == "line 1"
    assert with_shape("#SBATCH -N 2\ntrue\n", JobShape(nodes=1)) == "#SBATCH -N 1\ntrue\n"


def test_unknown_options_are_refused() -> None:
    for options in ({"frob": "1"}, {"hold": "yes"}, {"mem": "1\r"}):
        with pytest.raises(BadRequest):
            with_options("#!/bin/sh\n", options)


def test_a_diff() -> None:
    old = "#!/bin/sh\r\n#SBATCH -n 1\r\n# \x1b[31m\r\ntrue\r\n"
    new = with_shape(old, JobShape(tasks=2))
    assert diff(old, new, "run.sh") == [
        "--- run.sh (now)",
        "+++ run.sh (new)",
        "@@ -1,5 +1,5 @@",
        " #!/bin/sh",
        "-#SBATCH -n 1",
        "+#SBATCH -n 2",
        " # \u241b[31m",
        " true",
        " ",
    ]
    assert diff(old, old) == []


def test_components_keep_what_they_took_over() -> None:
    text = "#!/bin/sh\n#SBATCH --mem=1G -n 1\n#SBATCH hetjob\n#SBATCH -n 3\ntrue\n"
    assert shape(text, 1) == JobShape(tasks=3, memory_bytes=1 << 30)
    new = with_shape(text, JobShape(memory_bytes=2 << 30))
    assert new == text.replace("1G", "2G").replace("-n 3\n", "-n 3\n#SBATCH --mem=1G\n")
    with pytest.raises(BadRequest, match="would change as well"):
        with_shape(text, JobShape(time_limit_s=60))
