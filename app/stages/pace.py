"""How fast a stage gets on: jobs an hour, retries, and when what is in it now may be over.

The time to finish. Let ``left`` be the jobs that wait (held ones not counted), ``width`` how many
run at once, ``run`` the median run. Those running need what is left of a run each; spread over the
width, ``(sum of what is left + left x run) / width``, never less than the longest that is left.
While none runs, width is how many ran at once before, and the first still has to wait: the median
wait less what the longest waiting has waited. The interval takes the quartiles of run in place of
the median, widened by what the pace (jobs done an hour) gives for the same jobs, since jobs do not
always get the width they have now; not where the stage never was half as wide: then the pace says
how many jobs came, not how many it can do. Jobs that fail and are sent again are not foreseen.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jobshape.app.domain.past import PastJob
from jobshape.app.domain.stage import Eta, Spread
from jobshape.app.domain.states import Phase
from jobshape.app.stages.runs import ended_at, phase

LEAST_DONE = 3
"""Below this many ends a pace says nothing."""

OVERDUE_SHARE = 0.1
"""What is left of a job that has run longer than any before: so much of what it has run."""

Span = tuple[int, int]


def busy_spans(runs: Iterable[PastJob]) -> list[Span]:
    """When at least one of the runs waited or ran, in order and apart from each other."""
    spans = []
    for past in runs:
        job, end = past.record.job, ended_at(past)
        ready = min(filter(None, (job.eligible_time or job.submit_time, job.start_time)), default=0)
        if ready and end >= ready:
            spans.append((ready, end))
    spans.sort()
    joined: list[Span] = []
    for begin, end in spans:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


def pace_per_hour(runs: Sequence[PastJob], *, capped: bool) -> float | None:
    """Jobs done an hour, counting only time in which the stage had something to do.

    runs: all known in the window. capped: there are older ones than these, so that only what
    ended after the first end known can be counted. None for too few.
    """
    ends = sorted(ended_at(past) for past in runs if phase(past) is Phase.DONE)
    if len(ends) < LEAST_DONE:
        return None
    first = min(map(ended_at, runs)) if capped else 0
    done = sum(end > first for end in ends)
    busy_s = sum(max(0, end - max(begin, first)) for begin, end in busy_spans(runs))
    return done * 3600 / busy_s if busy_s and done else None


def widest(runs: Iterable[PastJob]) -> int:
    """How many of the runs ran at once at most."""
    steps: list[tuple[int, int]] = []
    for past in runs:
        start, end = past.record.job.start_time, ended_at(past)
        if start is not None and end > start:
            steps += [(start, 1), (end, -1)]
    most = now = 0
    for _, step in sorted(steps):  # at one moment an end comes before a start
        now += step
        most = max(most, now)
    return most


def count_retries(runs: Sequence[PastJob]) -> int | None:
    """Runs that Slurm started again, and jobs sent again after one of the same name had failed.

    The same array task, or the same name in the same folder; each failure is answered once. None
    where there are no runs.
    """
    if not runs:
        return None
    restarted = sum(past.record.job.restarts or 0 for past in runs)
    attempts: dict[tuple[object, ...], list[PastJob]] = defaultdict(list)
    for past in runs:
        job = past.record.job
        attempts[(job.name, job.work_dir, job.array_task_id)].append(past)
    return restarted + sum(map(_sent_again, attempts.values()))


def _sent_again(attempts: list[PastJob]) -> int:
    attempts.sort(key=lambda past: past.record.job.submit_time or 0)
    again = 0
    unanswered: list[int] = []  # ends of failures that nothing was sent after yet
    for past in attempts:
        submitted = past.record.job.submit_time or 0
        answered = next((end for end in unanswered if end <= submitted), None)
        if past.resubmitted_from is not None or answered is not None:
            again += 1
        if answered is not None:
            unanswered.remove(answered)
        if phase(past) is Phase.FAILED:
            unanswered.append(ended_at(past))
    return again


class Ahead(NamedTuple):
    """What a stage has to do now.

    running_s: seconds that each running job has run; of very many a fair sample.
    """

    running: int
    running_s: Sequence[float]
    waiting: int  # without the held ones
    waited_s: float | None  # by the longest waiting


def time_to_finish(
    ahead: Ahead, run: Spread | None, wait: Spread | None, pace: float | None, width_before: int
) -> Eta | None:
    """When all of it may be over; None where nothing is to do, or no run tells how long one takes.

    The module says how.
    """
    left = ahead.running + ahead.waiting
    if not left or (run is None and pace is None):
        return None
    by_pace = left * 3600 / pace if pace else None
    if run is None:
        return None if by_pace is None else Eta(by_pace, by_pace, by_pace)
    width = max(1, ahead.running or min(width_before, ahead.waiting))
    if width_before < width / 2:
        by_pace = None  # it never had so much to do: its pace says what came, not what it can
    first_wait = 0.0
    if not ahead.running and wait is not None:
        first_wait = max(0.0, wait.p50 - (ahead.waited_s or 0.0))
    low, mid, high = (
        first_wait + _waves(ahead, run, one_s, width) for one_s in (run.p25, run.p50, run.p75)
    )
    if by_pace is not None:
        low, high = min(low, by_pace), max(high, by_pace)
    return Eta(min(low, mid), mid, max(high, mid))


def _waves(ahead: Ahead, run: Spread, one_s: float, width: int) -> float:
    rest = [_rest_s(elapsed, run, one_s) for elapsed in ahead.running_s]
    running_s = sum(rest) * ahead.running / len(rest) if rest else 0.0
    return max(
        (running_s + ahead.waiting * one_s) / width,
        one_s if ahead.waiting else 0.0,
        max(rest, default=0.0),
    )


def _rest_s(elapsed: float, run: Spread, one_s: float) -> float:
    """What is left of a run: of one that took longer, up to the median of those that did."""
    if elapsed < one_s:
        return one_s - elapsed
    first_longer = bisect_right(run.values, elapsed)
    if first_longer == run.size:
        return OVERDUE_SHARE * elapsed
    return run.values[(first_longer + run.size) // 2] - elapsed
