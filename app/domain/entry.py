"""What a person types into a field of a job's shape, and how the value is written there.

All but texts take a step on what is there now as well: ``+20%``, ``-1G``, ``x2``.
"""

import math
import re
from typing import Any

from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.shape import Kind
from jobshape.app.domain.units import GIB, KIB, MIB, TIB, format_duration, parse_duration

MOST_S = 10 * 366 * 86400
MOST_BYTES = 1 << 50
MOST_COUNT = 10_000_000

MOST_GPUS = 999_999
_MOST_LETTERS = 64  # of a number with its unit and sign

_STEP = re.compile(r"([+-]|[xX*×])\s*(\S.*)", re.ASCII)
_PERCENT = re.compile(r"([0-9]*\.?[0-9]+)\s*%")
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+")
_SIZE = re.compile(r"([0-9]*\.?[0-9]+)\s*([KMGTP]?)(?:i?B)?", re.IGNORECASE | re.ASCII)
_SIZES = {"": MIB, "K": KIB, "M": MIB, "G": GIB, "T": TIB, "P": 1024 * TIB}
_SPOKEN = re.compile(
    r"(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*(?:(\d+)\s*s)?",
    re.IGNORECASE | re.ASCII,
)
_CLOCK = re.compile(
    r"(?:\d{1,6}|\d{1,4}-\d{1,4}(?::\d{1,2}){0,2}|\d{1,6}(?::\d{1,2}){1,2})", re.ASCII
)
_NO_LIMIT = ("unlimited", "infinite", "none")
_GPUS = re.compile(r"(?:gres[/:])?(?:gpu[:=])?(?:([A-Za-z][\w.-]*)[:=])?(\d{1,6})", re.ASCII)
_GPU_TYPE = re.compile(r"(?:gres[/:])?(?:gpu[:=])?([A-Za-z][\w.-]*)", re.ASCII)
_GPU_STEP = re.compile(r"([+-]|[xX*×])\s*([0-9]{1,6})")


_NO_START = "there is no value yet that a step could change"


class BadEntry(ValueError):
    """What was typed cannot be read; the text says what can."""


def read_entry(kind: Kind, text: str, now: Any = None) -> Any:
    """The value that was typed, in the field's unit; None for an empty field.

    now: the value that ``+20%`` and the like start from. A bare number is MiB in a size and minutes
    in a duration, as in sbatch(1). Raises BadEntry.
    """
    text = text.strip()
    if not text:
        return None
    if kind == "text":
        return _text(text)
    if len(text) > _MOST_LETTERS:
        raise BadEntry("that is too long")
    if kind == "gpus":
        return _gpus(text, now)
    step = _STEP.fullmatch(text)
    if step is None:
        return _checked(kind, _absolute(kind, text), text)
    return _checked(kind, _stepped(kind, step[1], step[2], now), text, least=1)


def show_entry(kind: Kind, value: Any) -> str:
    """The value as it stands in the field; :func:`read_entry` reads the same value from it."""
    if value is None:
        return ""
    if kind == "size":
        return show_size(value)
    if kind == "duration":
        return format_duration(value)
    return str(value)


def show_size(size_bytes: int) -> str:
    """Whole numbers only, so that nothing is lost: ``12G``, ``1500M``; rounded up to a MiB."""
    mebibytes = -(-size_bytes // MIB)
    for unit, factor in (("T", TIB // MIB), ("G", GIB // MIB)):
        if mebibytes and mebibytes % factor == 0:
            return f"{mebibytes // factor}{unit}"
    return f"{mebibytes}M" if mebibytes else "0"


def _text(text: str) -> str:
    if not text.isprintable():
        raise BadEntry("no control characters, please")
    if any(char.isspace() for char in text):
        raise BadEntry("no blanks, please")
    return text


def _gpus(text: str, now: str | None) -> str:
    if step := _GPU_STEP.fullmatch(text):
        return _gpus_stepped(step[1], int(step[2]), now)
    if text.lower() in ("none", "no"):
        return "0"
    if match := _GPUS.fullmatch(text):
        return _gpu_text(match[1], int(match[2]))
    of_type = _GPU_TYPE.fullmatch(text)
    if of_type and of_type[1].lower() != "gpu":
        return _gpu_text(of_type[1], 1)
    raise BadEntry("write 2, a100:2, +1, x2, or 0 for none")


def _gpus_stepped(sign: str, amount: int, now: str | None) -> str:
    there = _GPUS.fullmatch(now or "")
    if there is None:
        raise BadEntry(_NO_START)
    count = int(there[2])
    count = {"+": count + amount, "-": count - amount}.get(sign, count * amount)
    if not 0 <= count <= MOST_GPUS:
        raise BadEntry("that is no number of GPUs that a node has")
    return _gpu_text(there[1], count)


def _gpu_text(kind: str | None, count: int) -> str:
    return f"{kind}:{count}" if kind and count and kind.lower() != "gpu" else str(count)


def _stepped(kind: Kind, sign: str, amount: str, now: Any) -> float:
    if now is None or (kind == "duration" and now == UNLIMITED) or (kind == "size" and now == 0):
        raise BadEntry(_NO_START)
    percent = _PERCENT.fullmatch(amount)
    if sign in "+-":
        by = now * float(percent[1]) / 100 if percent else _absolute(kind, amount)
        if by == UNLIMITED:
            raise BadEntry("no limit is no step: write it without a sign")
        return float(now + by if sign == "+" else now - by)
    if percent or not _NUMBER.fullmatch(amount):
        raise BadEntry("write x2 or x1.5")
    return float(now * float(amount))


def _absolute(kind: Kind, text: str) -> float:
    if kind == "count":
        if not text.isdecimal() or not text.isascii():
            raise BadEntry("write a whole number, +2 or x2")
        return float(text)
    if kind == "size":
        match = _SIZE.fullmatch(text)
        if not match:
            raise BadEntry("write 12G, 1500M, +20% or x2")
        return float(match[1]) * _SIZES[match[2].upper()]
    return _duration(text)


def _duration(text: str) -> float:
    if text.lower() in _NO_LIMIT:
        return UNLIMITED
    spoken = _SPOKEN.fullmatch(text)
    if spoken and any(spoken.groups()):
        days, hours, minutes, seconds = (int(part or "0") for part in spoken.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + seconds
    if not _CLOCK.fullmatch(text):
        raise BadEntry("write 2:30:00, 1-00 (a day), 90 (minutes), 3h, +50% or x2")
    seconds_ = parse_duration(text)
    assert seconds_ is not None
    return seconds_


def _checked(kind: Kind, value: float, text: str, least: int = 0) -> int:
    """The value in whole units, at least so many; a size of 0 is all of the node's memory."""
    if kind == "duration" and value == UNLIMITED and text.lower() in _NO_LIMIT:
        return UNLIMITED
    most = {"size": MOST_BYTES, "duration": MOST_S, "count": MOST_COUNT}[kind]
    if value > most:
        raise BadEntry("that is more than any site has")
    if kind == "size":
        whole = math.ceil(round(value / MIB, 6)) * MIB
        if whole < least or (whole == 0 and value != 0):
            raise BadEntry("that leaves no memory")
        return whole
    whole = math.ceil(round(value, 6))
    if whole < 1:
        raise BadEntry("at least one second" if kind == "duration" else "at least 1")
    if kind == "duration" and whole > 60:
        whole = -(-whole // 60) * 60 if "%" in text or text[0] in "xX*×" else whole
    return whole
