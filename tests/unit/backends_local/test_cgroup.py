"""Control groups of both versions, in a folder that plays /sys/fs/cgroup."""

from __future__ import annotations

import os
from pathlib import Path

from jobshape.app.backends.local.cgroup import Cgroup, CgroupBase, find_base, remove_left

MIB = 1 << 20


def version_2(root: Path, *, controllers: str = "cpu memory pids", enabled: str = "") -> Path:
    base = root / "user.slice" / "me"
    base.mkdir(parents=True)
    (root / "cgroup.controllers").write_text("cpu memory")
    (base / "cgroup.controllers").write_text(controllers)
    (base / "cgroup.subtree_control").write_text(enabled)
    (base / "cgroup.procs").write_text("")
    return base


def test_version_2_where_it_is_delegated(tmp_path: Path) -> None:
    base = version_2(tmp_path)
    found = find_base("0::/user.slice/me\n", tmp_path)
    assert found == CgroupBase(base, 2)
    assert (base / "cgroup.subtree_control").read_text() == "+memory"
    assert (base / "jobshape-supervisor" / "cgroup.procs").read_text() == "0"


def test_version_2_without_the_memory_controller(tmp_path: Path) -> None:
    version_2(tmp_path, controllers="cpu")
    assert find_base("0::/user.slice/me\n", tmp_path) is None


def test_version_2_with_other_processes_in_it(tmp_path: Path) -> None:
    """The kernel then refuses to hand the controller down; here a folder stands in the way."""
    base = version_2(tmp_path)
    (base / "cgroup.subtree_control").unlink()
    (base / "cgroup.subtree_control").symlink_to(tmp_path / "user.slice")
    assert find_base("0::/user.slice/me\n", tmp_path) is None
    assert not (base / "jobshape-supervisor" / "memory.max").exists()


def test_version_1(tmp_path: Path) -> None:
    base = tmp_path / "memory" / "me"
    base.mkdir(parents=True)
    text = "5:cpu:/\n4:memory:/me\n0::/\n"
    assert find_base(text, tmp_path) == CgroupBase(base, 1)
    assert find_base("5:cpu:/\n", tmp_path) is None
    assert find_base("4:memory:/nowhere\n", tmp_path) == CgroupBase(tmp_path / "memory", 1)
    assert find_base("4:memory:/nowhere\n", tmp_path / "none") is None


def test_limits_of_version_2(tmp_path: Path) -> None:
    group = Cgroup(tmp_path / "group", 2)
    group.make(60 * MIB)
    assert (group.path / "memory.max").read_text() == str(60 * MIB)
    assert (group.path / "memory.swap.max").read_text() == "0"
    named = Cgroup.named(str(group.path))
    assert named
    assert not named.ended_for_memory() and named.memory_bytes() is None
    (group.path / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    (group.path / "memory.stat").write_text("anon 4096\nfile 99\n")
    assert named.ended_for_memory() and named.memory_bytes() == 4096


def test_limits_of_version_1(tmp_path: Path) -> None:
    group = Cgroup(tmp_path / "group", 1)
    group.make(60 * MIB)
    assert (group.path / "memory.limit_in_bytes").read_text() == str(60 * MIB)
    (group.path / "memory.oom_control").write_text("oom_kill_disable 0\noom_kill 2\n")
    (group.path / "memory.stat").write_text("cache 9\ntotal_rss 8192\n")
    named = Cgroup.named(str(group.path))
    assert named and named.ended_for_memory() and named.memory_bytes() == 8192
    (group.path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    assert named.processes() == [os.getpid()]
    assert Cgroup.named("") is None and Cgroup.named("/nowhere") is None


def test_what_was_left_is_removed(tmp_path: Path) -> None:
    base = CgroupBase(tmp_path, 2)
    for name in ("jobshape_mine_1.1", "jobshape_mine_2.1", "jobshape_theirs_1.1"):
        (tmp_path / name).mkdir()
    remove_left(base, "mine", {"2.1"})
    assert {path.name for path in tmp_path.iterdir()} == {
        "jobshape_mine_2.1", "jobshape_theirs_1.1",
    }  # fmt: skip
