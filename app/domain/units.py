"""Slurm's ways to write sizes, durations and times, read and written without loss."""

import re
from datetime import datetime

from jobshape.app.domain.job import UNLIMITED

KIB, MIB, GIB, TIB = 1024, 1024**2, 1024**3, 1024**4
_FACTORS = {"": 1, "B": 1, "K": KIB, "M": MIB, "G": GIB, "T": TIB, "P": 1024**5, "E": 1024**6}
_SIZE = re.compile(r"^\s*([0-9]*\.?[0-9]+)\s*([BKMGTPE]?)(?:i?B)?\s*$", re.IGNORECASE)
_NOTHING = {"", "N/A", "Unknown", "None", "(null)", "NONE", "INVALID", "n/a"}


def parse_size(text: str, *, default_unit: str = "") -> int | None:
    """Bytes of ``16G``, ``1500M``, ``1.5T``, ``64000`` (in default_unit); None if it says nothing.

    Raises ValueError for a text that is no size.
    """
    if text.strip() in _NOTHING:
        return None
    match = _SIZE.match(text)
    if not match:
        raise ValueError(f"not a size: {text!r}")
    number, unit = match.group(1), match.group(2).upper() or default_unit
    try:
        return round(float(number) * _FACTORS[unit])
    except OverflowError:
        raise ValueError(f"not a size: {text!r}") from None


def parse_count(text: str) -> int | None:
    """A number of things as Slurm writes it: ``12``, ``2K`` (2048); None if it says nothing.

    Raises ValueError for a text that is no number.
    """
    return int(text) if text.isdigit() else parse_size(text)


def format_size(size_bytes: int | None, *, unknown: str = "-") -> str:
    """A size in three or four figures for a narrow column: ``1.5G``, ``512M``, ``0``."""
    if size_bytes is None:
        return unknown
    size = float(size_bytes)
    for unit in ("", "K", "M", "G", "T", "P"):
        if abs(size) < 1000 or unit == "P":
            if not unit or size >= 10 or size == int(size):
                return f"{size:.0f}{unit}"
            return f"{size:.1f}{unit}"
        size /= 1024
    raise AssertionError("unreachable")


def parse_duration(text: str) -> int | None:
    """Seconds of Slurm's ``D-HH:MM:SS``, ``HH:MM:SS``, ``MM:SS``, ``D-HH``, ``MM`` (minutes).

    ``UNLIMITED`` gives :data:`UNLIMITED`, a text that says nothing gives None; a fraction of a
    second is dropped. Raises ValueError for a text that is no duration. Source: sbatch(1), --time.
    """
    text = text.strip()
    if text in _NOTHING or text in ("NOT_SET", "Partition_Limit"):
        return None
    if text.upper() in ("UNLIMITED", "INFINITE"):
        return UNLIMITED
    days, dash, clock = text.rpartition("-")
    try:
        parts = [int(float(part)) for part in clock.split(":")]
        day_count = int(days) if dash else 0
    except (ValueError, OverflowError):
        raise ValueError(f"not a duration: {text!r}") from None
    if len(parts) > 3:
        raise ValueError(f"not a duration: {text!r}")
    if dash:  # D-HH[:MM[:SS]]
        parts += [0] * (3 - len(parts))
    elif len(parts) == 1:  # minutes
        parts = [0, parts[0], 0]
    elif len(parts) == 2:  # MM:SS
        parts = [0, *parts]
    hours, minutes, seconds = parts
    return day_count * 86400 + hours * 3600 + minutes * 60 + seconds


def parse_cpu_time(text: str) -> float | None:
    """Seconds of a CPU time, ``1-02:03:04``, ``02:03:04`` or ``03:04.005``, its fraction kept.

    None if it says nothing. Raises ValueError for a text that is no time. Source: sacct(1).
    """
    whole, dot, fraction = text.strip().partition(".")
    if whole.isdigit():  # seconds alone
        return float(text)
    seconds = parse_duration(whole)
    if seconds is None or seconds == UNLIMITED:
        return None
    return seconds + (float(f"0.{fraction}") if dot else 0.0)


def format_duration(duration_s: int | None, *, unknown: str = "-") -> str:
    """``1-02:03:04``, ``02:03:04`` as Slurm writes it (and reads it back); ``UNLIMITED``."""
    if duration_s is None:
        return unknown
    if duration_s == UNLIMITED:
        return "UNLIMITED"
    days, rest = divmod(max(0, duration_s), 86400)
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


def format_short_duration(duration_s: int | None, *, unknown: str = "-") -> str:
    """A duration in at most five characters: ``45s``, ``12m``, ``3h20``, ``4d12h``, ``∞``."""
    if duration_s is None:
        return unknown
    if duration_s == UNLIMITED:
        return "∞"
    if duration_s < 60:
        return f"{max(0, duration_s)}s"
    if duration_s < 3600:
        return f"{duration_s // 60}m"
    if duration_s < 86400:
        return f"{duration_s // 3600}h{duration_s % 3600 // 60:02d}"
    days, hours = divmod(duration_s // 3600, 24)
    return f"{days}d{hours:02d}h" if days < 10 else f"{days}d"


def parse_time(text: str) -> int | None:
    """Seconds since the epoch of Slurm's ``2026-11-21T23:30:00`` (local time) or of plain seconds.

    None if it says nothing. Raises ValueError for a text that is no time.
    """
    text = text.strip()
    if text in _NOTHING:
        return None
    if text.isdigit():
        return int(text) or None
    return int(datetime.fromisoformat(text).timestamp())
