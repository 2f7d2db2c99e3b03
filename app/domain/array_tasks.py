"""The tasks of an array: read and written as Slurm does, ``0-9:2,20%3``."""

import re
from collections.abc import Iterable, Iterator

from jobshape.app.domain.errors import Refused

MOST_TASKS = 100_000
HIGHEST_TASK = 4_000_000
_PART = re.compile(r"([0-9]{1,7})(?:-([0-9]{1,7})(?::([0-9]{1,7}))?)?")


class TaskSet:
    """Task numbers in order, as runs, so that taking the first one is cheap however many there are.

    A run is [first, last, step]; a step other than 1 only where one run is the whole set.
    """

    __slots__ = ("_runs",)

    def __init__(self, tasks: Iterable[int] = ()) -> None:
        self._runs = _runs_of(sorted(set(tasks)))

    @classmethod
    def parse(cls, text: str) -> "TaskSet":
        """The tasks of ``1-5,7`` (no % limit). Raises ValueError."""
        new = cls()
        whole = _PART.fullmatch(text)
        if whole and whole[2]:  # the usual case, however long
            first, last, step = int(whole[1]), int(whole[2]), int(whole[3] or 1)
            if step < 1 or last < first or last > HIGHEST_TASK:
                raise ValueError(text)
            new._runs = [[first, first + (last - first) // step * step, step]]
            if len(new) < 3:
                new._runs = _runs_of(list(new))
            _check_count(len(new))
            return new
        tasks: set[int] = set()
        for part in text.split(","):
            match = _PART.fullmatch(part.strip())
            if not match:
                raise ValueError(text)
            first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
            if step < 1 or last < first or last > HIGHEST_TASK:
                raise ValueError(text)
            tasks.update(range(first, last + 1, step))
            _check_count(len(tasks))
        return cls(tasks)

    def __len__(self) -> int:
        return sum((last - first) // step + 1 for first, last, step in self._runs)

    def __iter__(self) -> Iterator[int]:
        for first, last, step in self._runs:
            yield from range(first, last + 1, step)

    def __contains__(self, task: object) -> bool:
        return isinstance(task, int) and any(
            first <= task <= last and (task - first) % step == 0 for first, last, step in self._runs
        )

    def __bool__(self) -> bool:
        return bool(self._runs)

    def __str__(self) -> str:
        return ",".join(_shown(*run) for run in self._runs)

    def first(self) -> int:
        """The lowest task."""
        return self._runs[0][0]

    def last(self) -> int:
        """The highest task."""
        return self._runs[-1][1]

    def step(self) -> int:
        """The step where the set is one run, else 1."""
        return self._runs[0][2] if len(self._runs) == 1 else 1

    def take_first(self) -> int:
        """The lowest task, removed."""
        run = self._runs[0]
        task = run[0]
        if task == run[1]:
            del self._runs[0]
        else:
            run[0] += run[2]
        return task

    def remove(self, tasks: Iterable[int]) -> None:
        """Take these out."""
        unwanted = set(tasks)
        self._runs = _runs_of([task for task in self if task not in unwanted])


def _shown(first: int, last: int, step: int) -> str:
    if first == last:
        return str(first)
    if step == 1:
        return f"{first}-{last}"
    return f"{first},{last}" if last - first == step else f"{first}-{last}:{step}"


def _runs_of(tasks: list[int]) -> list[list[int]]:
    if len(tasks) > 2:
        step = tasks[1] - tasks[0]
        if step > 1 and tasks == list(range(tasks[0], tasks[-1] + 1, step)):
            return [[tasks[0], tasks[-1], step]]
    runs: list[list[int]] = []
    for task in tasks:
        if runs and runs[-1][1] == task - 1:
            runs[-1][1] = task
        else:
            runs.append([task, task, 1])
    return runs


def _check_count(count: int) -> None:
    if count > MOST_TASKS:
        raise ValueError(f"more than {MOST_TASKS} tasks")


def parse_array(text: str) -> tuple[TaskSet, int]:
    """The tasks and the % limit (0: none) of sbatch's --array. Raises Refused in Slurm's words."""
    tasks, percent, limit = text.strip().partition("%")
    try:
        found = TaskSet.parse(tasks)
        throttle = int(limit) if percent else 0
        if throttle < 0:
            raise ValueError(limit)
    except ValueError:
        raise Refused(f"Invalid job array specification: {text}", where="--array") from None
    return found, throttle
