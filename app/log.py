"""What jobshape writes down about itself: one small file, never the screen it draws on."""

import logging
import os
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from jobshape.app.settings.folders import PRIVATE_FILE_MODE, make_private

NAME = "jobshape.log"
MOST_BYTES = 1_000_000
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def start_log(level: str, folder: Path) -> Path | None:
    """Send what any part logs, and Python's warnings, to a file in the folder; gives the file.

    Without it such lines would be written over the screen. level: "off", or a level's name. The
    file is made by its first line; one above MOST_BYTES is set aside as ``jobshape.log.1`` first.
    Where it cannot be written nothing is kept, which is no reason not to start.
    """
    root = logging.getLogger()
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a full disk must not write over the screen either
    if level == "off":
        root.addHandler(logging.NullHandler())
        return None
    try:
        path = make_private(folder) / NAME
        if path.exists() and path.stat().st_size > MOST_BYTES:
            path.replace(path.with_name(f"{NAME}.1"))
        root.addHandler(_handler(path))
    except OSError:
        root.addHandler(logging.NullHandler())
        return None
    root.setLevel(level.upper())
    return path


class _PrivateFile(logging.FileHandler):
    """A log file that only its owner can read; a line that cannot be written is lost."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # FileHandler lets a file that cannot be opened end the caller
            super().emit(record)

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(
            self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE_MODE
        )
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def _handler(path: Path) -> logging.Handler:
    handler = _PrivateFile(path, delay=True)
    handler.setFormatter(logging.Formatter(_FORMAT))
    return handler
