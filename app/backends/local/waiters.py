"""Who waits for what: the jobs to be judged anew when another one starts, ends or is cancelled."""

from collections.abc import Iterable, Mapping

from jobshape.app.backends.local.record import LocalJob

Key = tuple[int, int | None] | str
"""A job or array and, of an array, the one task that is meant; or the name of a singleton."""


class Waiters:
    """Kept so that an event costs no more than those whom it may concern."""

    def __init__(self, jobs: Mapping[int, LocalJob]) -> None:
        self._jobs = jobs
        self._on: dict[Key, set[int]] = {}
        self._keys: dict[int, set[Key]] = {}

    def wait(self, job_id: int, keys: Iterable[Key]) -> None:
        """A job waits for all of these."""
        self._keys[job_id] = set(keys)
        for key in self._keys[job_id]:
            self._on.setdefault(key, set()).add(job_id)

    def stop(self, job_id: int) -> None:
        """A job waits for nothing more."""
        for key in self._keys.pop(job_id, ()):
            left = self._on[key]
            left.discard(job_id)
            if not left:
                del self._on[key]

    def told_of(self, job: LocalJob) -> list[int]:
        """Whom it may concern that something happened to this record, by id."""
        keys: list[Key] = [(job.id, None)]
        if job.array_id is not None:
            keys.append((job.array_id, None))
            if job.task_id is not None:
                keys.append((job.array_id, job.task_id))
            else:
                of_array = (key for key in self._on if isinstance(key, tuple))
                keys += [key for key in of_array if key[0] == job.array_id]
        found = self._first_of(job.name)
        for key in keys:
            found = found | self._on.get(key, set())
        return sorted(found)

    def _first_of(self, name: str) -> set[int]:
        """Of those that wait for a name the first, for which the others wait, and its array."""
        waiting = self._on.get(name)
        if not waiting:
            return set()
        first = min(waiting)
        array = self._jobs[first].array_id
        if array is None:
            return {first}
        return {job_id for job_id in waiting if self._jobs[job_id].array_id == array}
