"""The machine's own Debian mirror, read from its apt sources."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from box.errors import BoxError

_SUITES = frozenset(
    ("bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable")
)
_CLASSIC = re.compile(r"deb\s+(?:\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)")


class Source(NamedTuple):
    """One enabled binary package source."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]


def mirror(etc_apt: Path = Path("/etc/apt")) -> str:
    """Address of the Debian archive this machine uses.

    JOBSHAPE_DEBIAN_MIRROR goes first, for machines that run another distribution.
    Raises BoxError if no source names a Debian suite.
    """
    if given := os.environ.get("JOBSHAPE_DEBIAN_MIRROR"):
        return given
    fitting = [
        source.uri.rstrip("/")
        for source in read_sources(etc_apt)
        if "main" in source.components and not _SUITES.isdisjoint(source.suites)
    ]
    if not fitting:
        raise BoxError(
            f"no Debian mirror in the apt sources under {etc_apt}",
            hint="set JOBSHAPE_DEBIAN_MIRROR to one",
        )
    return min(fitting, key=lambda uri: not uri.endswith("/debian"))


def read_sources(etc_apt: Path) -> Iterator[Source]:
    """Enabled sources of sources.list and sources.list.d. Source: sources.list(5)."""
    parts = etc_apt / "sources.list.d"
    for path in (etc_apt / "sources.list", *sorted(parts.glob("*.list"))):
        if path.is_file():
            yield from parse_classic(path.read_text())
    for path in sorted(parts.glob("*.sources")):
        yield from parse_deb822(path.read_text())


def parse_classic(text: str) -> Iterator[Source]:
    """Sources of a one-line-style file."""
    for line in _without_comments(text):
        if found := _CLASSIC.match(line.strip()):
            components = tuple(found["components"].split("#")[0].split())
            yield Source(found["uri"], (found["suite"],), components)


def parse_deb822(text: str) -> Iterator[Source]:
    """Sources of a deb822-style file; a stanza with several addresses gives several."""
    for stanza in re.split(r"\n\s*\n", "\n".join(_without_comments(text))):
        unfolded = re.sub(r"\n[ \t]+", " ", stanza.strip())
        pairs = (line.partition(":") for line in unfolded.splitlines())
        fields = {name.strip().lower(): value.split() for name, _, value in pairs}
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        for uri in fields.get("uris", []):
            yield Source(uri, tuple(fields.get("suites", [])), tuple(fields.get("components", [])))


def _without_comments(text: str) -> Iterable[str]:
    return (line for line in text.splitlines() if not line.lstrip().startswith("#"))
