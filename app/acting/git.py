"""Which git commit a script belongs to; nothing of the work tree is run or changed."""

import os
import subprocess
from pathlib import Path

from jobshape.app.scripts.draft import Project

TIMEOUT_S = 5.0

_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""A repository's own settings can name programs that git would run."""


def project_of(folder: Path) -> Project:
    """The work tree that a folder lies in; an empty one where there is none, or git is missing."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return Project()
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules")
    return Project(commit.strip(), None if changes is None else bool(changes.strip()))


def _git(folder: Path, *words: str) -> str | None:
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0",
                   "LC_ALL": "C"}  # fmt: skip
    try:
        done = subprocess.run(
            ["git", *_SAFE, *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
