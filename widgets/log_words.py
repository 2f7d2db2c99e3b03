"""What is said about a log besides its lines: what it waits for, how old it is, where we are."""

from dataclasses import dataclass

from jobshape.app.domain.log_part import FOUND, MISSING, NO_FOLDER, UNREADABLE, LogPart
from jobshape.app.domain.units import format_short_duration, format_size
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.text import clean, fit, width_of

_LEAST_PATH_WIDTH = 12


@dataclass(slots=True)
class LogState:
    """What the view knows of its log and of what the person asked for."""

    path: str = ""
    node: str = ""  # whose own disk the file may be on; "" where nobody could read it there
    through_node: bool = False  # whether it is read there now
    part: LogPart | None = None  # as last heard; None before the first answer
    part_at: float = 0.0  # when that was
    follows: bool = True
    wraps: bool = False
    column: int = 0
    at_start: bool = False
    at_end: bool = False
    share: float = 0.0  # of the file that is above the last line on screen
    first_number: int | None = None  # of the first line on screen
    notice: str = ""  # what happened last
    notice_at: float | None = None  # where its age matters
    work: str = ""  # what goes on: a search, counting


def empty_words(state: LogState, now: float, node_key: str) -> list[str]:
    """The lines in the middle of a view that has no line of a log to show; the first is the gist.

    node_key: the key that reads the file on its node.
    """
    part = state.part
    if part is None:
        asked = f"asking {state.node} through srun" if state.through_node else "reading"
        return [asked, state.path]
    looked = f"looked {_age(now - state.part_at)} ago"
    if part.state == FOUND:
        written = "" if part.modified_at is None else f"changed {_age(now - part.modified_at)} ago"
        return ["empty", state.path, written]
    if part.state == UNREADABLE:
        return [f"unreadable: {part.why}", state.path, looked]
    if state.node and not state.through_node:
        offer = f"press {node_key} to read it through srun"
        if part.state == NO_FOLDER:
            return [f"on node {state.node}'s own disk: {offer}", state.path, looked]
        return ["not there yet", state.path, f"is it on node {state.node}'s own disk? {offer}",
                looked]  # fmt: skip
    where = f"on {state.node}" if state.through_node else "on this machine"
    if part.state == NO_FOLDER:
        return [f"its folder is not there {where}", state.path, looked]
    assert part.state == MISSING
    return ["not there yet", state.path, looked]


def status_words(state: LogState, now: float, width: int, glyphs: Glyphs) -> tuple[str, str]:
    """The line below the log: the path, cut in front, and to its right what is to be said."""
    facts = " ".join(f"{glyphs.dot} {fact}" for fact in _facts(state, now) if fact)
    right = clean(facts.removeprefix(f"{glyphs.dot} "), glyphs)
    right = fit(right, width - 2, glyphs) if width_of(right) > width - 2 else right
    room = width - width_of(right) - 4
    path = clean(state.path, glyphs)
    if room < _LEAST_PATH_WIDTH:
        return "", right
    if width_of(path) > room:
        path = path[-room:]
        while width_of(path) > room - 1:
            path = path[1:]
        path = glyphs.ellipsis + path
    return path, right


def _facts(state: LogState, now: float) -> list[str]:
    part = state.part
    notice = state.notice
    if notice and state.notice_at is not None:
        notice += f" {_age(now - state.notice_at)} ago"
    facts = [state.work, notice]
    if state.through_node:
        facts.append(f"on {state.node}")
    if part is None or part.state != FOUND or not part.size:
        return facts
    if state.follows:
        facts.append("following")
    if state.wraps:
        facts.append("wrapped")
    elif state.column:
        facts.append(f"from column {state.column + 1}")
    if state.first_number is not None:
        facts.append(_line_words(state.first_number))
    if state.at_start and state.at_end:
        facts.append("all")
    elif state.at_end:
        facts.append("end")
    elif state.at_start:
        facts.append("top")
    else:
        facts.append(f"{min(99, int(state.share * 100))}%")
    facts.append(size_words(part.size))
    if part.modified_at is not None:
        facts.append(f"written {_age(now - part.modified_at)} ago")
    return facts


def size_words(size_bytes: int) -> str:
    """A size that is one even where it is small."""
    text = format_size(size_bytes)
    return f"{text}B" if text.isdigit() else text


def _line_words(number: int) -> str:
    return f"line {number:,}" if number > 0 else f"{-number:,} from the end"


def _age(seconds: float) -> str:
    return format_short_duration(max(0, int(seconds)))
