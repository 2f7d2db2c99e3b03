"""What a person set up on the screen: kept, and never a reason not to start nor lost silently."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from jobshape.app.settings.values import Ui
from jobshape.screens.memory import FILE_NAME, load_kept, save_kept
from jobshape.screens.ports import Kept

SET_UP = Kept(
    columns=("id", "state", "name"), widths={"name": 31}, sort="priority", descending=False,
    group="stage", show_finished=False, theme="textual-light", stage_runs=50, stage_days=0,
)  # fmt: skip


def test_what_is_kept_comes_back_and_is_closed_to_others(tmp_path: Path) -> None:
    save_kept(tmp_path, SET_UP, Ui())
    assert load_kept(tmp_path, Ui()) == SET_UP
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_a_setting_changed_since_wins(tmp_path: Path) -> None:
    save_kept(tmp_path, SET_UP, Ui())
    kept = load_kept(tmp_path, Ui(sort="-cpus", theme="ansi-dark"))
    assert (kept.sort, kept.descending, kept.theme) == ("cpus", True, "ansi-dark")
    assert kept.columns == SET_UP.columns


@pytest.mark.parametrize(
    "garbage", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"version": 1, "kept": 3}', b"[" * 99999]
)
def test_garbage_is_set_aside(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(garbage)
    assert load_kept(tmp_path, Ui()) == load_kept(tmp_path / "nowhere", Ui())
    (aside,) = tmp_path.iterdir()
    assert aside.name.startswith(f"{FILE_NAME}.bad-")
    assert aside.read_bytes() == garbage


def test_every_grouping_that_can_be_set_is_taken(tmp_path: Path) -> None:
    for group in get_args(get_type_hints(Ui)["group"]):
        assert load_kept(tmp_path, Ui(group=group)).group == group
