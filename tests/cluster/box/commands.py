"""Running a host command for a build: quiet when it works, its last lines when it does not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from box.errors import BoxError

_LINES_SHOWN = 30
_NAMESPACES = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
)


def run_logged(
    argv: Sequence[str], *, isolated: bool = False, env: Mapping[str, str] | None = None
) -> str:
    """Run a command and return what it printed; BoxError with its last lines if it fails.

    isolated: in its own mount and process namespaces, so that it leaves no mount and no process.
    """
    command = [*_NAMESPACES, *argv] if isolated else list(argv)
    done = subprocess.run(
        command,
        env={**os.environ, **env} if env else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-_LINES_SHOWN:])
        raise BoxError(f"{argv[0]} ended with exit code {done.returncode}:\n{last}")
    return done.stdout
