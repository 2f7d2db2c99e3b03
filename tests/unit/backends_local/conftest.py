"""A local site for a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .sites import TestSite


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., TestSite]]:
    """Makes sites; they and their jobs are ended with the test."""
    made: list[TestSite] = []

    def make(name: str = "work", **settings: object) -> TestSite:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        made.append(TestSite(folder, **settings))
        return made[-1]

    yield make
    for site in made:
        site.end()


@pytest.fixture
def site(make_site: Callable[..., TestSite]) -> TestSite:
    """A site with four CPUs, 4 GiB and no GPU."""
    return make_site()
