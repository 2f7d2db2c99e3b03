"""Scripts that could not be sent: written down, with the command to send them by hand."""

import os
import re
import shlex
import time
from pathlib import Path

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.scripts.draft import command_words

_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def hand_over(
    request: SubmitRequest, folder: Path, wrapper: tuple[str, ...] = ()
) -> tuple[Path, str]:
    """Write the script; gives its path and the command, quoted for a shell.

    Raises JobshapeError where it cannot be written.
    """
    name = _ODD.sub("-", request.name or "script").strip("-.")[:60] or "script"
    stamp = time.strftime("%Y%m%d-%H%M%S")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = _write_new(folder, f"{stamp}-{name}", request.script)
    except OSError as error:
        what = f"the script could not be kept either: {error.strerror}"
        raise JobshapeError(what, where=str(folder)) from error
    words = command_words(request, str(path))
    return path, shlex.join([*wrapper, *words[1:]] if wrapper else words)


def _write_new(folder: Path, name: str, text: str) -> Path:
    """A file that was not there before, for its user alone."""
    for number in range(100):
        path = folder / (f"{name}.sh" if not number else f"{name}-{number}.sh")
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return path
    raise FileExistsError(f"too many files named {name}")
