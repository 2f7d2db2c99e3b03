"""Looks for patterns in a log, in a process of its own: a pattern may need for ever.

Started as a file, without the package, so it is there in a few milliseconds. It reads
``{"patterns", "text", "patience_s"}`` and writes a list of ``[found, trouble]``.
"""

import json
import re
import signal
import sys
from typing import Any

_CODES = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]")
_MOST_FOUND = 200


class _Late(Exception):
    pass


def _late(*_: Any) -> None:
    raise _Late


def last_match(pattern: str, lines: list[str], patience_s: float) -> tuple[str | None, str]:
    """The first group of the last match, and what went wrong. Bounded in time of the CPU."""
    try:
        signal.setitimer(signal.ITIMER_PROF, patience_s)
        search = re.compile(pattern).finditer
        for line in reversed(lines):
            groups = [match[1] for match in search(line) if match[1] is not None]
            if groups:
                return groups[-1][:_MOST_FOUND], ""
    except _Late:
        return None, f"the pattern needs more than {patience_s:g} s: make it simpler"
    except (re.error, IndexError, OverflowError, RecursionError, MemoryError) as error:
        return None, f"the pattern cannot be used: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None, ""


def main() -> None:
    """Answers one question."""
    signal.signal(signal.SIGPROF, _late)
    asked = json.load(sys.stdin)
    lines = re.split("[\r\n]+", _CODES.sub("", asked["text"]))
    answers = [last_match(one, lines, asked["patience_s"]) for one in asked["patterns"]]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
