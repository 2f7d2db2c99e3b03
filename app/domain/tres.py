"""Slurm's trackable resources (TRES) as text: ``cpu=4,mem=16G,node=1,gres/gpu:a100=2``."""

from jobshape.app.domain.units import parse_count, parse_size


def parse_tres(text: str) -> dict[str, str]:
    """Name -> value, as written; a part without ``=`` is left out."""
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {name.strip(): value.strip() for name, _, value in pairs}


def tres_cpus(tres: dict[str, str]) -> int | None:
    """CPUs, None if the text does not say."""
    return parse_count(tres.get("cpu", ""))


def tres_nodes(tres: dict[str, str]) -> int | None:
    """Nodes, None if the text does not say."""
    return parse_count(tres.get("node", ""))


def tres_memory_bytes(tres: dict[str, str]) -> int | None:
    """Memory in bytes (a bare number is MiB, as in Slurm), None if the text does not say."""
    value = tres.get("mem")
    return parse_size(value, default_unit="M") if value else None


def tres_gpus(tres: dict[str, str]) -> int | None:
    """GPUs of all types: the untyped total if given, else the sum of the types.

    0 where other resources are named but no GPU; None if the text says nothing at all.
    """
    if not tres:
        return None
    total = tres.get("gres/gpu")
    if total is not None:
        return parse_count(total)
    types = (value for name, value in tres.items() if name.startswith("gres/gpu:"))
    return sum(parse_count(value) or 0 for value in types)
