"""Keeps what a person set up on the screen from one session to the next."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from jobshape.app.settings.folders import set_aside
from jobshape.app.settings.values import Ui
from jobshape.screens.ports import Kept

FILE_NAME = "screen.json"
_VERSION = 1


def load_kept(folder: Path, ui: Ui) -> Kept:
    """What was kept, as far as the settings still say what they said then.

    A setting that was changed since wins over what was set up on the screen. A file that cannot
    be understood counts as none and is set aside.
    """
    kept = _from_settings(ui)
    try:
        data = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        if data["version"] != _VERSION:
            return kept
        then, said = data["settings"], _said(ui)
        for field in fields(Kept):
            value = data["kept"].get(field.name)
            unchanged = then.get(field.name) == said.get(field.name)
            if isinstance(value, list) and field.name == "columns" and unchanged:
                kept.columns = tuple(map(str, value))
            elif isinstance(value, _TYPES[field.name]) and unchanged:
                setattr(kept, field.name, value)
        kept.widths = {str(k): int(v) for k, v in kept.widths.items()}
    except OSError:
        return _from_settings(ui)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        set_aside(folder / FILE_NAME)
        return _from_settings(ui)
    return kept


def save_kept(folder: Path, kept: Kept, ui: Ui) -> None:
    """Write it; raises OSError or a ConfigError."""
    from jobshape.app.settings.folders import write_private

    data = {"version": _VERSION, "kept": asdict(kept), "settings": _said(ui)}
    write_private(folder / FILE_NAME, json.dumps(data, indent=1) + "\n")


_TYPES: dict[str, type] = {
    "columns": tuple, "widths": dict, "sort": str, "descending": bool, "group": str,
    "show_finished": bool, "strip": str, "theme": str, "stage_runs": int, "stage_days": int,
}  # fmt: skip


def _said(ui: Ui) -> dict[str, Any]:
    """The settings that the screen can override, as JSON has them, to see that one changed.

    The setting for the order holds its direction, too.
    """
    return {
        "columns": list(ui.columns), "sort": ui.sort, "descending": ui.sort, "group": ui.group,
        "theme": ui.theme,
    }  # fmt: skip


def _from_settings(ui: Ui) -> Kept:
    kept = Kept(columns=ui.columns, group=ui.group)
    if ui.sort:
        kept.sort = ui.sort.removeprefix("-")
        kept.descending = ui.sort.startswith("-")
    if ui.theme != "auto":
        kept.theme = ui.theme
    return kept
