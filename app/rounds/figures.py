"""Numbers that a job leaves in JSON files or in its log: metrics, throughput."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobshape.app.domain.text import sanitize
from jobshape.app.preflight.bounded import TooSlow
from jobshape.app.rounds.conditions import DISK_S, is_older
from jobshape.app.rounds.finding import NotSeen, look
from jobshape.app.rounds.json_values import NoValue, finite, number_in, read_values, shown
from jobshape.app.rounds.log_values import MOST_TEXT, InLog, find_last
from jobshape.app.rounds.patience import patiently

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest_checks import Metric, Throughput

Answer = float | str
"""A finite number; or in words why there is none."""


def read_metrics(
    metrics: Sequence["Metric"], folder: Path, log: str, *, since: float | None = None
) -> tuple[dict[str, float], tuple[str, ...]]:
    """The values found by name, and in words what is missing or not finite.

    log: the text of the job's log, of which the last MiB is looked at. since: a file that was
    written before counts as missing.
    """
    values: dict[str, float] = {}
    wrong: list[str] = []
    for metric, answer in zip(metrics, read_figures(metrics, folder, log, since), strict=True):
        if isinstance(answer, str):
            wrong.append(f"{metric.name}: {answer}")
        else:
            values[metric.name] = answer
    return values, tuple(wrong)


def read_figures(
    figures: Sequence["Metric | Throughput"], folder: Path, log: str, since: float | None
) -> list[Answer]:
    """The answer for each figure, in order."""
    patterns = [one.log for one in figures if one.log is not None]
    found = iter(find_last(patterns, log))
    return [
        _from_file(one.file, one.path, folder, since)
        if one.file is not None and one.path is not None
        else _from_log(next(found), log)
        for one in figures
    ]


def _from_log(found: InLog, log: str) -> Answer:
    if found.trouble:
        return sanitize(found.trouble)
    if found.text is None:
        return "is not in the last MiB of the log" if len(log) > MOST_TEXT else "is not in the log"
    number = number_in(found.text)
    value = None if number is None else finite(number)
    return f"the log says {shown(found.text)}, no finite number" if value is None else value


def _from_file(file: str, path: str, folder: Path, since: float | None) -> Answer:
    def read() -> Answer:
        if words := is_older(look(file, folder), since):
            return f"{sanitize(file)} {words}"
        (value,) = read_values(file, folder, [path])
        if isinstance(value, NoValue):
            raise value
        number = finite(value)
        if number is None:
            return f"{sanitize(f'{file}: {path}')} is {shown(value)}, no finite number"
        return number

    try:
        return patiently(read, DISK_S)
    except (NotSeen, NoValue) as error:
        return f"{sanitize(file)} {error}"
    except TooSlow:
        return f"the disk gave no answer in {DISK_S:g} s"
