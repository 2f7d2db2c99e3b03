"""What patterns of a manifest find in a log: bounded in text and time, whatever the pattern."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jobshape.app.rounds import log_child

MOST_TEXT = 2**20
"""Letters of a log that are looked at, from its end."""

PATIENCE_S = 2.0
"""Time of a CPU for each pattern."""

LONGEST_S = 30.0


class InLog(NamedTuple):
    """What a pattern found."""

    text: str | None  # its first group at the last place where it fits; None: nowhere
    trouble: str = ""  # why it could not be looked for


def find_last(
    patterns: Sequence[str],
    log: str,
    *,
    patience_s: float = PATIENCE_S,
    longest_s: float = LONGEST_S,
) -> list[InLog]:
    """For each pattern what it finds last, line by line, in the last MiB of a log."""
    if not patterns or not log:
        return [InLog(None)] * len(patterns)
    text = log
    if len(log) > MOST_TEXT:
        _, _, text = log[-MOST_TEXT:].partition("\n")  # half a line is none
    asked = {"patterns": list(patterns), "text": text, "patience_s": patience_s}
    # No thread can be ended, and while a pattern backtracks nothing else runs in its process.
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(Path(log_child.__file__))],
            input=json.dumps(asked).encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=longest_s, check=True,
        )  # fmt: skip
        return [InLog(*answer) for answer in json.loads(done.stdout)]
    except subprocess.TimeoutExpired:
        trouble = f"the patterns needed more than {longest_s:g} s"
    except (OSError, ValueError, TypeError, subprocess.CalledProcessError) as error:
        trouble = f"the log could not be searched: {error}"
    return [InLog(None, trouble)] * len(patterns)
