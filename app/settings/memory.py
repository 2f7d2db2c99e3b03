"""What a person arranged in the app (columns, widths, order), kept between sessions.

Unlike the settings it is written by the app, so it is JSON in the state folder and never stops a
start: what cannot be read is set aside under another name and told, not lost.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.settings.folders import state_folder, write_private

_FORMAT = 1
_LONGEST_TEXT = 200
_MOST_ENTRIES = 200


@dataclass(frozen=True, slots=True)
class UiMemory:
    """The arrangement last used; None or empty means never chosen, so the settings hold.

    widths: cells by column. sort: a column.
    """

    columns: tuple[str, ...] = ()
    widths: Mapping[str, int] = field(default_factory=dict)
    sort: str | None = None
    descending: bool | None = None
    group: str | None = None
    show_finished: bool | None = None
    strip: str | None = None
    theme: str | None = None


class Forgotten(JobshapeError):
    """The arrangement could not be read or kept; the app goes on without."""


def memory_file() -> Path:
    """Where it is kept."""
    return state_folder() / "ui.json"


def load_memory(path: Path | None = None) -> tuple[UiMemory, str]:
    """What was kept, and a notice for the person ("" if all is well).

    A file that makes no sense is renamed to ``ui.json.bad-TIME``; fields that do are still used.
    """
    path = path or memory_file()
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return UiMemory(), ""
    except (OSError, UnicodeDecodeError) as error:
        return UiMemory(), _set_aside(path, str(error))
    try:
        kept = json.loads(text)
        if not isinstance(kept, dict):
            raise ValueError("not a JSON object")
    except (ValueError, RecursionError) as error:
        return UiMemory(), _set_aside(path, str(error))
    if kept.get("format") != _FORMAT:
        return UiMemory(), _set_aside(path, f"format {kept.get('format')!r}, not {_FORMAT}")
    memory, strange = _understood(kept)
    return memory, _set_aside(path, f"{', '.join(strange)} makes no sense") if strange else ""


def save_memory(memory: UiMemory, path: Path | None = None) -> None:
    """Keep it. Raises Forgotten where the file cannot be written."""
    path = path or memory_file()
    kept = {"format": _FORMAT} | {
        k: v for k, v in asdict(memory).items() if v not in (None, (), {})
    }
    try:
        write_private(path, json.dumps(kept, indent=1) + "\n")
    except OSError as error:
        raise Forgotten(
            f"the arrangement of the screen was not kept: {error.strerror}", where=str(path)
        ) from error


def _understood(kept: Mapping[str, Any]) -> tuple[UiMemory, list[str]]:
    """The fields that make sense, and the names of those that do not."""
    good: dict[str, Any] = {}
    strange = []
    for item in fields(UiMemory):
        if item.name not in kept:
            continue
        value = kept[item.name]
        if _CHECKS[item.name](value):
            good[item.name] = tuple(value) if isinstance(value, list) else value
        else:
            strange.append(item.name)
    return UiMemory(**good), strange


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isprintable()


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= _MOST_ENTRIES and all(map(_is_text, value))


def _are_widths(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MOST_ENTRIES
        and all(type(width) is int and 1 <= width <= 1000 for width in value.values())
    )


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


_CHECKS = {
    "columns": _are_texts,
    "widths": _are_widths,
    "sort": _is_text,
    "descending": _is_flag,
    "group": _is_text,
    "show_finished": _is_flag,
    "strip": _is_text,
    "theme": _is_text,
}


def _set_aside(path: Path, why: str) -> str:
    aside = path.with_name(f"{path.name}.bad-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        path.rename(aside)
    except OSError as error:
        return f"{path} could not be read ({why}) nor set aside ({error.strerror})"
    return f"{path} could not be read ({why}); it is kept as {aside.name}"
