"""The command line: reads the options, runs one command, and tells what went wrong in a line."""

import io
import sys
from collections.abc import Sequence

from jobshape.app.cli_commands import COMMANDS
from jobshape.app.cli_options import make_parser
from jobshape.app.cli_output import let_go_of_output, tell, writing

INTERRUPTED, BROKEN_PIPE = 130, 141
"""Exit codes: ctrl-c; nobody reads."""


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
        return tell(error)
