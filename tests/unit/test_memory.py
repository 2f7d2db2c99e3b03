"""The arrangement of the screen: kept, and never a reason not to start nor lost silently."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from jobshape.app.settings.memory import (
    Forgotten,
    UiMemory,
    load_memory,
    memory_file,
    save_memory,
)

pytestmark = pytest.mark.usefixtures("own_folders")

ALL = UiMemory(
    columns=("id", "state", "name"),
    widths={"name": 31},
    sort="priority",
    descending=True,
    group="stage",
    show_finished=False,
    strip="compact",
    theme="textual-light",
)


def test_nothing_kept_is_nothing_chosen() -> None:
    assert load_memory() == (UiMemory(), "")


@pytest.mark.parametrize("memory", [ALL, UiMemory(), UiMemory(show_finished=True)])
def test_what_is_kept_comes_back(memory: UiMemory) -> None:
    save_memory(memory)
    assert load_memory() == (memory, "")
    assert stat.S_IMODE(memory_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(memory_file().parent.stat().st_mode) == 0o700
    assert [path.name for path in memory_file().parent.iterdir()] == ["ui.json"]  # no draft left


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": 2}', b"[" * 9999])
def test_garbage_is_set_aside_and_told(garbage: bytes) -> None:
    memory_file().parent.mkdir(parents=True)
    memory_file().write_bytes(garbage)
    memory, notice = load_memory()
    assert memory == UiMemory()
    (aside,) = memory_file().parent.iterdir()
    assert aside.name.startswith("ui.json.bad-") and aside.name in notice
    assert aside.read_bytes() == garbage
    assert load_memory() == (UiMemory(), "")


@pytest.mark.parametrize(
    "wrong",
    [{"widths": {"name": -3}}, {"widths": []}, {"columns": "id"}, {"sort": "\x1b[2J"},
     {"show_finished": 1}, {"theme": "x" * 999}],
)  # fmt: skip
def test_one_wrong_field_does_not_cost_the_others(wrong: dict[str, object]) -> None:
    save_memory(ALL)
    kept = json.loads(memory_file().read_text()) | wrong
    memory_file().write_text(json.dumps(kept))
    memory, notice = load_memory()
    (name,) = wrong
    assert getattr(memory, name) == getattr(UiMemory(), name)
    assert all(
        getattr(memory, other) == getattr(ALL, other) for other in ALL.__slots__ if other != name
    )
    assert name in notice and "bad-" in notice


def test_a_folder_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBSHAPE_STATE_DIR", "/proc/nowhere/jobshape")
    with pytest.raises(Forgotten):
        save_memory(ALL)
    assert load_memory() == (UiMemory(), "")


def test_the_old_file_stays_if_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "ui.json"
    path.mkdir()
    with pytest.raises(Forgotten):
        save_memory(ALL, path)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".ui")] == []
