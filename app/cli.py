"""The command line: reads the options, runs one command, and tells what went wrong in a line."""

import io
import sys
from collections.abc import Sequence

from jobshape.app.cli_commands import COMMANDS
from jobshape.app.cli_options import make_parser
from jobshape.app.cli_output import let_go_of_output, writing

USAGE, INTERRUPTED, BROKEN_PIPE = 2, 130, 141
"""Exit codes: cannot be done; ctrl-c; nobody reads."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run jobshape; gives the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a job's name may not fit the terminal's charset
    arguments = make_parser().parse_args(argv)
    try:
        code: int = COMMANDS[arguments.command](arguments)
        if sys.stdout is not None:
            with writing():
                sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        let_go_of_output()
        return BROKEN_PIPE
    except Exception as error:
        return _tell(error)


def _tell(error: Exception) -> int:
    """One line for each thing wrong, where it is of the family for people; else a traceback."""
    from jobshape.app.domain.errors import JobshapeError
    from jobshape.app.domain.text import sanitize

    if not isinstance(error, JobshapeError):
        raise error
    for problem in getattr(error, "problems", (error,)):
        print(f"jobshape: {sanitize(str(problem))}", file=sys.stderr)
    return USAGE
