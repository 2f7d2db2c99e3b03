"""Pinned GPUs and checkpoints, found in Python and in the shell; nothing raises."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jobshape.app.preflight import python_scan, shell_scan


def places(text: str) -> list[tuple[int, str]]:
    return [tuple(found) for found in python_scan.devices(text)]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ('d = "cuda:0"', "'cuda:0'"),
        ("d = torch.device('cuda:1')", "'cuda:1'"),
        ('d = torch.device("cuda", 1)', "device('cuda', 1)"),
        ("model.cuda(0)", ".cuda(0)"),
        ("model.cuda(device=2)", ".cuda(2)"),
        ("torch.cuda.set_device(3)", ".set_device(3)"),
        ('os.environ["CUDA_VISIBLE_DEVICES"] = "1"', "environ['CUDA_VISIBLE_DEVICES'] = …"),
        ('environ["CUDA_VISIBLE_DEVICES"]: str = "1"', "environ['CUDA_VISIBLE_DEVICES'] = …"),
        ('os.putenv("CUDA_VISIBLE_DEVICES", "0")', "putenv('CUDA_VISIBLE_DEVICES', …)"),
        ('os.environ.update(CUDA_VISIBLE_DEVICES="0")', "update(CUDA_VISIBLE_DEVICES=…)"),
        ("parser.add_argument('--device', default='cuda:0')", "'cuda:0'"),
    ],
)
def test_what_pins_a_gpu_in_python(code: str, what: str) -> None:
    assert places(f"import os\n{code}\n") == [(2, what)]


@pytest.mark.parametrize(
    "code",
    [
        '# d = "cuda:0"',
        '"""Runs on cuda:0."""',
        'def f():\n    """cuda:0"""\n    return 1',
        'd = "cuda"',
        'd = f"cuda:{rank}"',
        'model.cuda(int(os.environ["LOCAL_RANK"]))',
        "torch.cuda.set_device(local_rank)",
        'print(os.environ["CUDA_VISIBLE_DEVICES"])',
        'text = "write cuda:0 for the first"',
        'd = torch.device("cpu", 0)',
        "cuda(0)",
    ],
)
def test_what_pins_none_in_python(code: str) -> None:
    assert places(f"import os\n{code}\n") == []


def test_a_file_of_another_python_is_read_word_by_word() -> None:
    old = 'print "hello"  # cuda:7\nd = "cuda:0"\n'
    old += 'os.environ["CUDA_VISIBLE_DEVICES"] = "1"\nm.cuda(2)\n'
    assert places(old) == [
        (2, "'cuda:0'"), (3, "environ['CUDA_VISIBLE_DEVICES'] = …"), (4, ".cuda(2)"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("save_checkpoint(model)", "save_checkpoint"),
        ('p.add_argument("--resume")', "--resume"),
        ("trainer.train(resume_from_checkpoint=True)", "resume_from_checkpoint"),
        ("# save_checkpoint(model)", ""),
        ('"""One day: save_checkpoint."""', ""),
        ("print('hello')", ""),
    ],
)
def test_words_of_checkpoints(code: str, word: str) -> None:
    assert python_scan.checkpoint_word(code) == word


_SNIPPETS = st.sampled_from(
    ['"cuda:0"', ".cuda(", "os.environ[", "CUDA_VISIBLE_DEVICES", "=", "]", ")", "(", "\n", "  ",
     '"""', "'", "\\", "#", "def f():", "\0", "\t", "f'{", "}", "python ", "x.py", "<<EOF", "EOF",
     "srun -n 2 ", "torchrun ", "-m ", ";", "&&", "\r\n", "é", "\udc80"]
)  # fmt: skip
_TEXTS = st.one_of(st.text(), st.lists(_SNIPPETS, max_size=30).map("".join))


@settings(max_examples=300, deadline=None)
@given(_TEXTS)
@example("(" * 5000)
@example("x = " + "-" * 20000 + "1")
@example("\ufeffd = 'cuda:0'")
def test_no_text_makes_a_scan_raise(text: str) -> None:
    lines = text.count("\n") + text.count("\r") + text.count("\x0c") + 1
    for found in (*python_scan.devices(text), *shell_scan.devices(text)):
        assert 1 <= found.line <= lines
    python_scan.checkpoint_word(text)
    for file in shell_scan.python_files(text):
        assert file.path and 1 <= file.line <= lines
    list(shell_scan.commands(text))
    for inline in shell_scan.python_texts(text):
        assert 1 < inline.line <= lines + 1


# --- the shell ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "paths"),
    [
        ("python train.py --lr 1", ["train.py"]),
        ("python3 -u train.py", ["train.py"]),
        ("srun --ntasks=1 python3.11 -W ignore 'my train.py' x", ["my train.py"]),
        ("srun -n 2 /opt/py/bin/python ../src/train.py", ["../src/train.py"]),
        ("torchrun --nproc-per-node 2 train.py --x y.py", ["train.py"]),
        ("accelerate launch --num_processes=2 train.py", ["train.py"]),
        ("python -m torch.distributed.run --nnodes 2 train.py", ["train.py"]),
        ("python -m pkg.train --x", ["pkg/train.py"]),
        ("python -c 'import x'", []),
        ("python - < x.py", []),
        ("./train.py && python b.py; python c.py", ["./train.py", "b.py", "c.py"]),
        ("srun ./train.py", ["./train.py"]),
        ("cp train.py /tmp", []),
        ("# python train.py", []),
        ("echo hi # python train.py", []),
        ("python \\\n  train.py", ["train.py"]),
        ("cat <<EOF\npython train.py\nEOF\npython b.py", ["b.py"]),
        ("A=1 python train.py", ["train.py"]),
        ('singularity exec img.sif python "train.py"', ["train.py"]),
    ],
)
def test_python_files_of_a_script(line: str, paths: list[str]) -> None:
    found = shell_scan.python_files(f"#!/bin/bash\n#SBATCH --time=5\n{line}\n")
    assert [file.path for file in found] == paths


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("export CUDA_VISIBLE_DEVICES=0", "CUDA_VISIBLE_DEVICES=0"),
        ("CUDA_VISIBLE_DEVICES='0,1' python x.py", "CUDA_VISIBLE_DEVICES='0,1'"),
        ("python x.py --device cuda:1", "cuda:1"),
        ("python x.py --device=cuda:1", "cuda:1"),
    ],
)
def test_what_pins_a_gpu_in_a_script(line: str, what: str) -> None:
    found = shell_scan.devices(f"#!/bin/bash\n\n{line}\n")
    assert [(one.line, one.what.replace("'", "")) for one in found] == [(3, what.replace("'", ""))]


@pytest.mark.parametrize(
    "line",
    [
        "# export CUDA_VISIBLE_DEVICES=0",
        "CUDA_VISIBLE_DEVICES= python on_cpu.py",
        "export CUDA_VISIBLE_DEVICES=$SLURM_LOCALID",
        "echo $CUDA_VISIBLE_DEVICES",
        "python x.py --device cuda",
        "MY_CUDA_VISIBLE_DEVICES=0",
        "cat <<'EOF'\nCUDA_VISIBLE_DEVICES=0\nEOF",
    ],
)
def test_what_pins_none_in_a_script(line: str) -> None:
    assert shell_scan.devices(f"#!/bin/bash\n{line}\n") == []
