"""Patterns over folders: what fits, circles of links, and how much is looked at."""

import glob
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobshape.app.rounds.finding import Search


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # So deep that no ".." of a pattern leaves it.
    root = tmp_path_factory.mktemp("tree") / "1" / "2" / "3" / "4" / "5"
    for name in ("a/x.ckpt", "a/b/x.ckpt", "a/b/y.txt", "c/.h/x.ckpt", "c/[1].ckpt", ".z", "top"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    return root


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.sampled_from(["*", "**", "?", "a", "b", "c", "*.ckpt", "[ab]", ".*", ".h", "x.*",
                         "[[]1].ckpt", "[!a]*", "..", ".", "top"]),
        min_size=1, max_size=5,
    ).filter(lambda parts: parts[-1] != "**")
)  # fmt: skip
def test_a_pattern_fits_what_it_fits_in_the_standard_library(tree: Path, parts: list[str]) -> None:
    pattern = "/".join(parts)
    # The library names a file on every way to it; a folder is listed once here.
    named = glob.glob(pattern, root_dir=tree, recursive=True)  # noqa: PTH207
    theirs = {(tree / one).resolve() for one in named}
    ours = list(Search(pattern, tree))
    assert {(tree / one).resolve() for one in ours} == theirs
    assert {Path(one).resolve() for one in Search(f"{tree}/{pattern}", tree / "a")} == theirs


def test_circles_of_links_end(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        for number in range(4):
            (tmp_path / name / f"back{number}").symlink_to(tmp_path)
    (tmp_path / "c" / "x.ckpt").write_text("x")
    began = time.process_time()
    found = list(Search("**/**/**/x.ckpt", tmp_path))
    assert found
    assert {(tmp_path / one).resolve() for one in found} == {tmp_path / "c" / "x.ckpt"}
    assert time.process_time() - began < 1


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.ckpt").write_text("x")
    (tmp_path / "latest").symlink_to("real")
    assert list(Search("latest/*.ckpt", tmp_path)) == ["latest/x.ckpt"]
    assert list(Search("lat*/*.ckpt", tmp_path)) == ["latest/x.ckpt"]


def test_no_more_is_looked_at_than_may_be(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.txt").write_text("x")
    search = Search("*.ckpt", tmp_path, most=20)
    assert list(search) == []
    assert search.was_cut
    search = Search("*.ckpt", tmp_path, most=30)
    assert list(search) == []
    assert not search.was_cut


def test_a_pattern_with_many_stars_is_quick(tmp_path: Path) -> None:
    (tmp_path / ("a" * 250)).write_text("x")
    began = time.process_time()
    assert list(Search("*a" * 60 + "b", tmp_path)) == []
    assert time.process_time() - began < 1
