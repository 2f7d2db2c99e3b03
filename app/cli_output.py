"""Printing for the commands without a screen: what cannot be written is told, never a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def say(*lines: str, end: str = "\n") -> None:
    """Print; without a standard output there is nobody to tell."""
    with writing():
        for line in lines:
            print(line, end=end)


@contextmanager
def writing() -> Iterator[None]:
    """A block that writes to the standard output. Raises OutputError, BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        from jobshape.app.domain.errors import OutputError

        let_go_of_output()
        what = f"the standard output cannot be written: {error.strerror}"
        raise OutputError(what, hint="what came out so far is not all") from error


def let_go_of_output() -> None:
    """Have the flush at the interpreter's end fail on nobody."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


USAGE = 2
"""Exit code: it cannot be done."""


def tell(error: Exception) -> int:
    """One line for each thing wrong, where it is of the family for people; else a traceback."""
    from jobshape.app.domain.errors import JobshapeError
    from jobshape.app.domain.text import sanitize

    if not isinstance(error, JobshapeError):
        raise error
    for problem in getattr(error, "problems", (error,)):
        print(f"jobshape: {sanitize(str(problem))}", file=sys.stderr)
    return USAGE
