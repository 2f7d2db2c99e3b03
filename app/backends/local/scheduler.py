"""Which jobs start now, and when the others will: conservative backfill, pure, no clock, no I/O.

In order of priority each job gets the earliest place in a profile of free slots over time. A job
that gets its place now starts; the others hold theirs as a reservation, so whatever comes after
them starts only where it takes nothing from them. Walltimes are what is promised, so a job that
ends earlier only makes room.

Reservations are bounded in number. Behind the last one a job starts only if that is provably
harmless: it fits before the end of its walltime beside all reservations, and in all that time none
of the passed-over jobs could have begun, with or without it.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

Slots = tuple[int, ...]
"""CPUs, bytes of memory, GPUs of any type, then GPUs of each type: see :func:`slots_of`."""

Shape = tuple[Slots, float]
"""Slots and a walltime: jobs of one shape are alike to the scheduler."""

NEVER = float("inf")
DEPTH = 64
OVERDUE_S = 5.0  # how long a job past its walltime is thought to take to go
MOST_PASSED_SHAPES = 16


class Holding(NamedTuple):
    """Slots that a running job has, and when its walltime gives them back."""

    slots: Slots
    until: float


class Candidate(NamedTuple):
    """A pending job, or the ``tasks`` of an array that may start, each with these slots."""

    key: int
    slots: Slots
    walltime_s: float  # NEVER for no limit
    tasks: int = 1


class Plan(NamedTuple):
    """``starts``: keys that start now, in order, a key once a task. ``times``: when others will.

    ``times`` holds the first of a candidate's tasks; a key that is in neither was not planned.
    """

    starts: list[int]
    times: dict[int, float]


def slots_of(
    cpus: int, memory_bytes: int, gpus: int, gpu_type: str, kinds: tuple[str, ...]
) -> Slots:
    """A request as slots; GPUs of a type also count as GPUs of any type."""
    return (cpus, memory_bytes, gpus, *(gpus if kind == gpu_type else 0 for kind in kinds))


class Profile:
    """Free slots over time: ``free[i]`` from ``times[i]`` on, until ``times[i + 1]``."""

    def __init__(self, now: float, capacity: Slots, holdings: Iterable[Holding]) -> None:
        gains: dict[float, list[int]] = {}
        free = list(capacity)
        for slots, until in holdings:
            gain = gains.setdefault(max(until, now + OVERDUE_S), [0] * len(free))
            for at, amount in enumerate(slots):
                free[at] -= amount
                gain[at] += amount
        gains.setdefault(now, [0] * len(free))
        self.times: list[float] = []
        self.free: list[list[int]] = []
        for time in sorted(gains):
            free = [a + b for a, b in zip(free, gains[time], strict=True)]
            if time < NEVER:
                self.times.append(time)
                self.free.append(free)

    def earliest(self, slots: Slots, walltime_s: float, after: float) -> float | None:
        """The first time, not before ``after``, from which they are free for that long."""
        times, free = self.times, self.free
        last = len(times)
        start = bisect_left(times, after)
        while start < last:
            end = times[start] + walltime_s
            at = start
            while at < last and times[at] < end:
                if not _fits(slots, free[at]):
                    break
                at += 1
            else:
                return times[start]
            start = at + 1
        return None

    def fits_now(self, slots: Slots, walltime_s: float) -> bool:
        """Whether they are free from the first moment for that long."""
        end = self.times[0] + walltime_s
        for time, free in zip(self.times, self.free, strict=True):
            if time >= end:
                return True
            if not _fits(slots, free):
                return False
        return True

    def take(self, slots: Slots, start: float, walltime_s: float) -> None:
        """Take them from a time in the profile for that long."""
        end = start + walltime_s
        first = self.times.index(start)
        at = first
        while at < len(self.times) and self.times[at] < end:
            at += 1
        if end < NEVER and (at == len(self.times) or self.times[at] != end):
            self.times.insert(at, end)
            self.free.insert(at, self.free[at - 1])
        for place in range(first, at):
            self.free[place] = [a - b for a, b in zip(self.free[place], slots, strict=True)]


def _fits(slots: Slots, free: list[int]) -> bool:
    for need, there in zip(slots, free, strict=True):  # noqa: SIM110  (all() takes twice as long)
        if need and need > there:
            return False
    return True


def plan(
    now: float,
    capacity: Slots,
    holdings: Iterable[Holding],
    candidates: Iterable[Candidate],
    *,
    depth: int = DEPTH,
    only_starts: bool = False,
) -> Plan:
    """What starts now and when the rest will; candidates by priority, the highest first.

    only_starts: leave off when no CPU is free, since every job needs one. Costs some microseconds a
    candidate looked at; at most ``depth`` of them are given a reservation.
    """
    profile = Profile(now, capacity, holdings)
    starts: list[int] = []
    times: dict[int, float] = {}
    reserved = 0
    passed: dict[Shape, None] = {}
    floors: dict[Shape, float] = {}  # no job of this shape can start before that
    for key, slots, walltime_s, count in candidates:
        shape = (slots, walltime_s)
        left = count
        while left and reserved < depth:
            if only_starts and profile.free[0][0] <= 0:
                return Plan(starts, times)
            start = profile.earliest(slots, walltime_s, floors.get(shape, now))
            if start is None:
                floors[shape] = NEVER
                break
            profile.take(slots, start, walltime_s)
            floors[shape] = start
            left -= 1
            if start <= now:
                starts.append(key)
            else:
                times.setdefault(key, start)
                reserved += 1
        if not left or reserved < depth:
            continue
        if profile.free[0][0] <= 0:  # nothing more can start, nor be planned
            break
        if shape not in passed and _harmless(profile, walltime_s, passed, floors):
            while left and profile.fits_now(slots, walltime_s):
                profile.take(slots, now, walltime_s)
                starts.append(key)
                left -= 1
        if left:
            passed[shape] = None
            if len(passed) > MOST_PASSED_SHAPES:
                break
    return Plan(starts, times)


def _harmless(
    profile: Profile, walltime_s: float, passed: Iterable[Shape], floors: dict[Shape, float]
) -> bool:
    """Whether none of the jobs passed over could begin before one that starts now is over."""
    now = profile.times[0]
    for slots, other_walltime_s in passed:
        shape = (slots, other_walltime_s)
        start = profile.earliest(slots, other_walltime_s, floors.get(shape, now))
        floors[shape] = NEVER if start is None else start
        if start is not None and start < now + walltime_s:
            return False
    return True
