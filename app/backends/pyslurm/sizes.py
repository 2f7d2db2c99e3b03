"""``pyslurm.db.TrackableResources`` as figures and as Slurm's own text."""

from sys import intern
from typing import Any, NamedTuple

from jobshape.app.domain.units import MIB


class Size(NamedTuple):
    """What a job asks for or got; None where Slurm does not say."""

    text: str
    nodes: int | None
    cpus: int | None
    memory_bytes: int | None
    gpus: int | None


_NOTHING = Size("", None, None, None, None)


class SizeReader:
    """Reads sizes; equal ones become one record."""

    def __init__(self) -> None:
        self._sizes: dict[tuple[Any, ...], Size] = {}

    def size(self, tres: Any) -> Size:
        """The size of a TRES object; None says nothing."""
        if tres is None:
            return _NOTHING
        key = _counts(tres)
        size = self._sizes.get(key)
        if size is None:
            size = self._sizes[key] = _size(key)
        return size


def _counts(tres: Any) -> tuple[Any, ...]:
    """CPUs, memory in MiB, nodes, billing, then (name, count) of all others, in Slurm's order."""
    cpu, memory, node, billing = tres.cpu, tres.mem, tres.node, tres.billing
    counts = (
        None if cpu is None else cpu.count,
        None if memory is None else memory.count,
        None if node is None else node.count,
        None if billing is None else billing.count,
    )
    if not (tres.gres or tres.license or tres.fs or tres.interconnect or tres.other):
        return counts
    named = (
        *((f"fs/{name}", one.count) for name, one in tres.fs.items()),
        *((f"gres/{name}", one.count) for name, one in tres.gres.items()),
        *((f"license/{name}", one.count) for name, one in tres.license.items()),
        *((f"ic/{name}", one.count) for name, one in tres.interconnect.items()),
        *((name, one.count) for name, one in tres.other.items()),
    )
    return counts + named


def _size(counts: tuple[Any, ...]) -> Size:
    cpus, memory_mib, nodes, billing, *named = counts
    memory = None if memory_mib is None else memory_text(memory_mib)
    parts = [("cpu", cpus), ("mem", memory), ("node", nodes), ("billing", billing), *named]
    gpus = [count for name, count in named if name == "gres/gpu"] or [
        sum(count for name, count in named if name.startswith("gres/gpu:"))
    ]
    return Size(
        text=intern(",".join(f"{name}={value}" for name, value in parts if value is not None)),
        nodes=nodes,
        cpus=cpus,
        memory_bytes=None if memory_mib is None else memory_mib * MIB,
        gpus=gpus[0],
    )


def memory_text(memory_mib: int) -> str:
    """Memory as Slurm writes it in a TRES text: ``1000M``, ``4.50G``, ``16G``.

    Source: slurm's convert_num_unit2 with CONVERT_NUM_UNIT_EXACT: as large a unit as loses nothing,
    half units being fine.
    """
    number, unit = float(memory_mib), 0
    while number >= 1024 and number % 512 == 0:
        number /= 1024
        unit += 1
    return f"{number:.0f}{'MGTPE'[unit]}" if number.is_integer() else f"{number:.2f}{'MGTPE'[unit]}"
