"""What each test cluster is built from; every word here is part of the cache keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPO: Final = Path(__file__).resolve().parents[3]
LOCK_FILE: Final = REPO / "requirements" / "dev.txt"
UNLOCKED: Final = ("textual", "rich", "pydantic", "platformdirs", "pytest", "pytest-asyncio")
DEFAULT_RELEASE: Final = "26.05"

_SLURM = ("slurmctld", "slurmd", "slurmdbd", "slurm-client", "slurm-wlm-mysql-plugin")
_COMMON = (
    *("ca-certificates", "mariadb-server", "python3-venv"),
    *("openssh-server", "openssh-client", "tmux", "procps", "less", "vim-tiny"),
)

# libmariadb3 11.8.9 (and 10.11.19) refuses every result of slurmdbd's queries with error 5027;
# Debian 12's 10.11.18 does not, and Debian 12 gets no more point releases.
_MARIADB_CLIENT = ("libmariadb3", "bookworm")


@dataclass(frozen=True, slots=True)
class PyslurmRecipe:
    """How one pyslurm release is built against a Slurm it does not name itself.

    claimed_version: SLURM_VERSION_NUMBER that pyslurm's setup checks for.
    cflags: bridge the differences between that Slurm and the installed one.
    """

    version: str
    claimed_version: str
    cflags: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """One Slurm release: a Debian suite, its packages and what differs in the configuration.

    pinned: glob of package names to suite, for packages taken from another suite; of two globs
    that match a package the first one wins.
    munge: the release knows no auth/slurm (new in 23.11), so a munged has to run.
    """

    release: str
    suite: str
    packages: tuple[str, ...]
    pinned: tuple[tuple[str, str], ...] = ()
    munge: bool = False
    pyslurm: PyslurmRecipe | None = None


RECIPES: Final = {
    recipe.release: recipe
    for recipe in (
        Recipe(
            release="26.05",
            suite="forky",
            packages=(*_SLURM, *_COMMON, "libslurm-dev", "python3-dev", "gcc", "libc6-dev"),
            pinned=(_MARIADB_CLIENT, ("*mariadb*", "trixie")),
            pyslurm=PyslurmRecipe(
                version="25.11.2",
                claimed_version="0x190b00",
                cflags=(
                    "-O1 -w -DSLURM_BACKWARD_COMPAT -Dslurm_free_ctl_conf=slurm_free_conf"
                    " -DESLURM_ERROR_ON_DESC_TO_RECORD_COPY=-1"
                ),
            ),
        ),
        Recipe(
            release="24.11",
            suite="trixie",
            packages=(*_SLURM, *_COMMON),
            pinned=(_MARIADB_CLIENT,),
        ),
        Recipe(
            release="22.05", suite="bookworm", packages=(*_SLURM, *_COMMON, "munge"), munge=True
        ),
    )
}
