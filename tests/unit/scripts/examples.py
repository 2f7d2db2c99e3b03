"""The example scripts, and the shape that each asks for (a het job's: one for each component)."""

from __future__ import annotations

from pathlib import Path

from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.units import GIB, MIB, TIB

FOLDER = Path(__file__).with_name("examples")


def example(name: str) -> str:
    return (FOLDER / name).read_bytes().decode()


def _one(**fields: object) -> tuple[JobShape, ...]:
    return (JobShape(**fields),)  # type: ignore[arg-type]


SHAPES: dict[str, tuple[JobShape, ...]] = {
    "plain.sh": _one(partition="main", nodes=1, tasks=1, cpus_per_task=8, memory_bytes=16 * GIB,
                     time_limit_s=9000),
    "short_options.sh": _one(partition="main", account="phys", nodes=1, tasks=4, cpus_per_task=2,
                             memory_bytes=8 * GIB, time_limit_s=2700),
    "odd_spacing.sh": _one(partition="main", tasks=2, cpus_per_task=4, memory_bytes=4 * GIB,
                           time_limit_s=86400),
    "comments.sh": _one(partition="gpu", gpus="a100:1", memory_bytes=64 * GIB, time_limit_s=43200),
    "justified_on_line.sh": _one(partition="gpu", gpus="2", cpus_per_task=8,
                                 memory_bytes=200 * GIB),
    "array.sh": _one(array="0-499%20", memory_bytes=2 * GIB, time_limit_s=1800),
    "array_step.sh": _one(array="1-99:2", cpus_per_task=1, memory_bytes=1500 * MIB,
                          time_limit_s=21600),
    "quotes.sh": _one(partition="main", features="fast&new", memory_bytes=3 * GIB),
    "escapes.sh": _one(nodes=1, tasks=2, memory_bytes=2 * GIB),
    "several_on_a_line.sh": _one(partition="main", nodes=2, cpus_per_task=2,
                                 memory_bytes=16 * GIB, time_limit_s=14400),
    "abbreviated.sh": _one(partition="main", account="phys", cpus_per_task=4, array="1-3"),
    "last_wins.sh": _one(memory_bytes=5 * GIB, time_limit_s=1200, cpus_per_task=3),
    "glued_word.sh": _one(memory_bytes=3 * GIB, tasks=3),
    "clustered_letters.sh": _one(tasks=6, cpus_per_task=1, time_limit_s=300),
    "het_job.sh": (
        JobShape(partition="main", tasks=1, cpus_per_task=4, memory_bytes=8 * GIB,
                 time_limit_s=1200),
        JobShape(partition="main", nodes=2, tasks=8, memory_bytes=2000 * MIB, time_limit_s=1200),
    ),
    "het_three.sh": (
        JobShape(memory_bytes=GIB),
        JobShape(memory_bytes=2 * GIB, gpus="1", partition="gpu"),
        JobShape(memory_bytes=3 * GIB),
    ),
    "crlf.sh": _one(memory_bytes=4 * GIB, tasks=2),
    "no_newline.sh": _one(memory_bytes=4 * GIB, time_limit_s=1800),
    "only_interpreter.sh": _one(),
    "python_docstring": _one(),
    "python_head": _one(partition="main", cpus_per_task=4, memory_bytes=10 * GIB,
                        time_limit_s=10800),
    "r_script": _one(tasks=1, cpus_per_task=2, memory_bytes=6 * GIB, time_limit_s=129600),
    "late.sh": _one(memory_bytes=2 * GIB),
    "backslash.sh": _one(memory_bytes=2 * GIB, tasks=2),
    "split_value.sh": _one(tasks=3, memory_bytes=GIB),
    "gpus_total.sh": _one(partition="gpu", nodes=2, gpus="a100:2", cpus_per_task=4,
                          memory_bytes=32 * GIB),
    "gpus_per_node.sh": _one(partition="gpu", nodes=1, gpus="a100:2", memory_bytes=40 * GIB),
    "gpus_per_task.sh": _one(partition="gpu", nodes=1, tasks=2, gpus="2", cpus_per_task=4),
    "gpus_alone.sh": _one(partition="gpu", gpus="3", memory_bytes=24 * GIB),
    "gres_list.sh": _one(partition="gpu", gpus="2", memory_bytes=0, exclude_nodes="g1"),
    "gres_none.sh": _one(partition="main", gpus="0", memory_bytes=MIB),
    "node_range.sh": _one(nodes=1, tasks=4, exclude_nodes="n1,b1"),
    "unlimited.sh": _one(partition="main", memory_bytes=TIB, time_limit_s=UNLIMITED),
    "old_magic.sh": _one(memory_bytes=44 * MIB, tasks=2),
    "heredoc.sh": _one(memory_bytes=GIB, tasks=1),
    "broken.sh": _one(),
    "open_quote.sh": _one(memory_bytes=2 * GIB),
    "no_interpreter.sh": _one(memory_bytes=2 * GIB),
}  # fmt: skip

PROBLEMS: dict[str, list[tuple[int, str]]] = {
    "comments.sh": [(8, "comment")],
    "crlf.sh": [(1, "dos")],
    "het_three.sh": [(3, "separator")],
    "python_docstring": [(3, "late")],
    "late.sh": [(4, "late"), (5, "late")],
    "backslash.sh": [(2, "backslash"), (3, "backslash"), (5, "late")],
    "split_value.sh": [(2, "split")],
    "old_magic.sh": [(2, "slurm")],
    "broken.sh": [(2, "unknown"), (3, "unknown"), (4, "missing")],
    "open_quote.sh": [(3, "quote")],
    "no_interpreter.sh": [(1, "interpreter")],
}
"""Line and kind of what is wrong with an example, in order; nothing is with the others."""
