"""What was learned: a line for each way in which a trial failed, and what fixed it.

Lessons name no single job, so that a hundred jobs with one trouble give one line.
"""

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path, PurePath
from stat import S_ISREG
from typing import NamedTuple

from jobshape.app.domain.entry import show_size
from jobshape.app.domain.errors import OutputError
from jobshape.app.domain.markdown import escape_markdown
from jobshape.app.domain.text import sanitize
from jobshape.app.domain.units import format_duration
from jobshape.app.resubmit.correcting import MAY_BE_NODE
from jobshape.app.rounds.campaign import Attempt, Lesson, Trial
from jobshape.app.rounds.evidence import best_attempt, failed, memory_asked, ran_s

LOG_PLACE = "docs/jobshape-log.md"
"""Where a project's lessons are kept, seen from its folder."""

HEADING = """# What jobshape learned here

One line a lesson: date, campaign, stage; what failed, what fixed it.

"""
LONGEST = 300
MOST_LOG_BYTES = 8 * 1024**2
OUT_OF_MEMORY = "oom_host"
TIME_LIMIT = "timeout"


def family_of(trial: Trial, script: str = "") -> str:
    """Trials whose lessons hold for each other: stage, target and the script's file name."""
    parts = (trial.stage, trial.target, PurePath(script).name)
    return sanitize("/".join(dict.fromkeys(filter(None, parts))))


def lessons_of(
    trial: Trial, attempts: Sequence[Attempt], *, campaign: str, family: str
) -> list[Lesson]:
    """What a trial that is settled taught: nothing, if nothing of it failed.

    attempts: its own, in order.
    """
    if trial.state not in ("completed", "failed_other", "stuck"):
        return []
    best = best_attempt(trial, attempts)
    by_label: dict[str, list[Attempt]] = {}
    for one in attempts:
        if one is not best and failed(one):
            by_label.setdefault(one.label or one.state, []).append(one)
    at = max((one.ended_at for one in attempts if one.ended_at is not None), default=0)
    return [
        Lesson(at, campaign, family, _clipped(f"{_what(failures)}; {_then(trial, failures, best)}"))
        for failures in by_label.values()
    ]


def _clipped(text: str) -> str:
    text = sanitize(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _what(failures: Sequence[Attempt]) -> str:
    """What failed, with the figure that matters for it."""
    last = failures[-1]
    title = last.title or last.label or last.state.lower().replace("_", " ")
    if last.label == OUT_OF_MEMORY and (sizes := _sizes(failures)):
        return f"{title} with {' and '.join(map(show_size, sizes))}"
    if last.label == TIME_LIMIT and (time_s := ran_s(last)):
        return f"{title} after {format_duration(time_s)}"
    if last.label in MAY_BE_NODE and (nodes := _nodes(failures)):
        return f"{title} on {nodes}"
    return title


def _sizes(attempts: Iterable[Attempt]) -> list[int]:
    return sorted({size for one in attempts if (size := memory_asked(one)) is not None})


def _nodes(attempts: Iterable[Attempt]) -> str:
    return ", ".join(sorted({one.node_list for one in attempts if one.node_list}))


def _then(trial: Trial, failures: Sequence[Attempt], best: Attempt | None) -> str:
    """What fixed it, or that nothing did."""
    last = failures[-1]
    if best is None:
        times = f" in {len(failures)} attempts" if len(failures) > 1 else ""
        why = f": {trial.why}" if trial.why and trial.why != last.title else ""
        return f"not solved{times}{why}"
    if last.label == OUT_OF_MEMORY:
        before, now = _sizes(failures), memory_asked(best)
        if before and now is not None and now > before[-1]:
            return f"did well with {show_size(now)}"
    if last.label == TIME_LIMIT and (time_s := ran_s(best)):
        limit = f" under --time={format_duration(trial.time_limit_s)}" if trial.time_limit_s else ""
        return f"did well in {format_duration(time_s)}{limit}"
    if last.label in MAY_BE_NODE and best.node_list and best.node_list not in _nodes(failures):
        excluded = f" with {trial.exclude_nodes} excluded" if trial.exclude_nodes else ""
        return f"did well on {best.node_list}{excluded}"
    return "did well when it was sent again"


def prior(lessons: Iterable[Lesson], family: str) -> list[Lesson]:
    """Lessons that hold for a family, the newest first, each text once."""
    newest: dict[str, Lesson] = {}
    for one in sorted(lessons, key=lambda one: -one.at):
        if one.family == family:
            newest.setdefault(one.text, one)
    return list(newest.values())


def lesson_line(lesson: Lesson) -> str:
    """A lesson as a line of the log, without its end; dates are local."""
    return f"- {datetime.fromtimestamp(lesson.at):%Y-%m-%d}, {_undated(lesson)}"


def _undated(lesson: Lesson) -> str:
    return escape_markdown(f"{lesson.campaign}, {lesson.family}: {lesson.text}")


class Logged(NamedTuple):
    """What was written to a project's log."""

    path: Path
    added: int


def append_log(project: Path, lessons: Iterable[Lesson]) -> Logged:
    """Add lessons to the log of a project, made if need be; none that is there on any date.

    The file is replaced as a whole, so it is never half written. Raises OutputError: it cannot be
    written, is no file, or leads out of the project.
    """
    path = project / LOG_PLACE
    try:
        target = _inside(project, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.parent):
            old = _read(target)
            text = old or HEADING
            known = {line.partition(", ")[2] for line in old.splitlines() if line.startswith("- ")}
            added = 0
            for lesson in lessons:
                if _undated(lesson) not in known:
                    known.add(_undated(lesson))
                    text += ("" if text.endswith("\n") else "\n") + lesson_line(lesson) + "\n"
                    added += 1
            if added:
                _replace(target, text)
    except OSError as error:
        raise _trouble(path, f"cannot be written: {error.strerror or error}") from error
    return Logged(path, added)


def _trouble(path: Path, what: str) -> OutputError:
    return OutputError(what, where=str(path), hint="the lessons are still in `jobshape rounds`")


def _inside(project: Path, path: Path) -> Path:
    """Where it really lies. A link within the project is followed; one that leaves it is not."""
    root, target = project.resolve(strict=True), path.resolve()
    if not target.is_relative_to(root):
        raise _trouble(path, f"is a link out of the project, to {sanitize(str(target))}")
    return target


def _read(path: Path) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    with os.fdopen(handle, "rb") as file:
        known = os.fstat(file.fileno())
        if not S_ISREG(known.st_mode):
            raise _trouble(path, "is no plain file")
        if known.st_size > MOST_LOG_BYTES:
            raise _trouble(path, f"is larger than {MOST_LOG_BYTES // 1024**2} MiB: move it away")
        return file.read().decode("utf-8", "surrogateescape")


def _replace(path: Path, text: str) -> None:
    """New content under the old mode; a new file has the mode that the person's umask gives."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            with suppress(FileNotFoundError):
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other jobshape writes here meanwhile, where the file system can tell."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
