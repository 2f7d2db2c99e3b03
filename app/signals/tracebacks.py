"""Python tracebacks in a log: what each ended with, and which of them ended the program."""

import re
from typing import NamedTuple

from jobshape.app.signals.lines import Line

_HEADER = re.compile(r"Traceback \(most recent call last\):?")
_FRAME = re.compile(r'^(\s*)File "[^"]*", line \d+')
_IGNORED = re.compile(
    r"Exception ignored in|Error in atexit\._run_exitfuncs|Exception ignored (?:on|while)|"
    r"exception was never retrieved|Exception in thread (?:NetStatThr|IntMsgThr|ChkStopThr)|"
    r"--- Logging error ---|Error in sys\.excepthook"
)
_CHAIN = re.compile(
    r"During handling of the above exception, another exception occurred|"
    r"The above exception was the direct cause of the following exception|"
    r'^"""$'
)
_ENDING = re.compile(
    r"^\s{0,8}(?P<name>[A-Za-z_][\w.]*"
    r"(?:Error|Exception|Interrupt|Exit|Warning|Failure|Fault|Killed\w*|Abort\w*|"
    r"Timeout\w*|Expired|NotFound\w*|Denied|Refused|Invalid\w*|Unavailable|Group|Mismatch|"
    r"Required|Failed|Stop\w*|Full|Empty|Missing\w*|Canceled|Cancelled\w*|Incomplete\w*|Died))"
    r"(?::|\s*$)"
)
_NAME = re.compile(r"^\s{0,8}(?P<name>(?:[a-z_]\w*\.){0,8}[A-Z]\w+)(?:: |\s*$)")
_FROM_SLURM = re.compile(r"^(?:srun|slurmstepd|sbatch): |^-{20,}$|^={20,}$")
_MESSAGE_LINES = 12
_FLUSH_LINES = 3
"""Lines of a message at most: in all, and of those that are not indented."""


class Raised(NamedTuple):
    """One exception: the lines it takes (indices), and its place in the chain it belongs to."""

    begin: int
    ending: int  # the line "SomeError: message"
    end: int  # the last line of its message
    name: str
    rank: str
    chain: int
    ignored: bool  # said by Python's shutdown, not by the program


def find_raised(lines: list[Line]) -> list[Raised]:
    """Every exception that a log shows with a traceback, in order."""
    found: list[Raised] = []
    chain = 0
    open_chain = False
    at = 0
    while at < len(lines):
        text = lines[at].text
        if not ("Traceback" in text or 'File "' in text) or not (
            _HEADER.search(text) or _FRAME.match(text)
        ):
            if ("exception" in text or text == '"""') and _CHAIN.search(text):
                open_chain = True
            at += 1
            continue
        raised = _read(lines, at)
        if raised is None:
            at += 1
            continue
        if not open_chain or not found:
            chain += 1
        ignored = any(_IGNORED.search(line.text) for line in lines[max(0, at - 2) : at + 1])
        found.append(raised._replace(chain=chain, ignored=ignored))
        open_chain = False
        at = raised.end + 1
    return found


def _read(lines: list[Line], begin: int) -> Raised | None:
    """The exception whose traceback begins here; None where the log shows no end of it."""
    rank = lines[begin].rank
    header = _HEADER.search(lines[begin].text)
    base = len(lines[begin].text) - len(lines[begin].text.lstrip())
    frames = 0 if header else 1
    previous_was_frame = not header
    for at in range(begin + 1, min(len(lines), begin + 400)):
        line = lines[at]
        if rank and line.rank and line.rank != rank:
            continue
        text = line.text
        if _FRAME.match(text):
            frames += 1
            previous_was_frame = True
            continue
        if _HEADER.search(text) or _FROM_SLURM.match(text):
            return None
        named = _ENDING.match(text) or _NAME.match(text)
        indent = len(text) - len(text.lstrip())
        if named and frames and (indent <= base or _ENDING.match(text)):
            if previous_was_frame and indent > base:
                previous_was_frame = False
                continue  # the frame's own line of code
            return Raised(begin, at, _message_end(lines, at, rank), named["name"], rank, 0, False)
        previous_was_frame = False
    return None


def _message_end(lines: list[Line], ending: int, rank: str) -> int:
    end = ending
    for at in range(ending + 1, min(len(lines), ending + _MESSAGE_LINES)):
        text = lines[at].text
        if not text.strip() or _HEADER.search(text) or _FROM_SLURM.match(text):
            break
        if _CHAIN.search(text) or _FRAME.match(text) or lines[at].rank != lines[ending].rank:
            break
        if at - ending > _FLUSH_LINES and not text.startswith((" ", "\t")):
            break
        end = at
    return end
