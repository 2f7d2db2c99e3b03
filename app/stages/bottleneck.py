"""Which stage bounds the total wall-clock time now, and why.

While jobs are open: the stage that takes longest to finish what is in it, failures counted as done
again. When nothing is open: the stage whose median job costs most, wait and run, once it is done.
"""

from collections.abc import Iterable, Sequence

from jobshape.app.domain.job import UNASSIGNED
from jobshape.app.domain.spans import pace_words, span_words
from jobshape.app.domain.stage import Bottleneck, StageSummary

MANY_FAILURES = 0.2
"""Failure rate from which failures are what to look at first."""

FEW_ATTEMPTS = 4
"""Below so many runs a failure rate says little."""

LONG_WAIT = 1.2
"""Median wait, in median runs, from which the wait is what to look at first."""

MOST_ATTEMPTS = 10.0
"""How often a job is thought to be tried at most, where next to none succeeds."""


def find_bottleneck(stages: Iterable[StageSummary]) -> Bottleneck | None:
    """The stage to look at first; None where nothing is known of any."""
    known = [one for one in stages if not one.is_empty]
    assigned = [one for one in known if one.stage != UNASSIGNED] or known
    with_work = [one for one in assigned if one.counts.open - one.counts.held > 0]
    candidates = with_work or assigned
    cost = _time_to_end if with_work else _time_of_one
    costs = [(seconds, one) for one in candidates if (seconds := cost(one)) is not None]
    if not costs:
        return None
    seconds, worst = max(costs, key=lambda pair: pair[0])
    if not seconds:
        return None
    cause, why = _why(worst, candidates, seconds if with_work else None)
    return Bottleneck(worst.stage, cause, why)


def attempts_needed(stage: StageSummary) -> float:
    """How often a job of the stage has to run until it succeeds."""
    rate = stage.failed_runs / (stage.attempts + 2)  # one failure alone does not say "always"
    return min(MOST_ATTEMPTS, 1 / (1 - rate))


def _time_to_end(stage: StageSummary) -> float | None:
    if stage.eta is not None:
        return stage.eta.mid_s * attempts_needed(stage)
    return None if stage.waiting_longest_s is None else float(stage.waiting_longest_s)


def _time_of_one(stage: StageSummary) -> float | None:
    if stage.elapsed is None:
        return None
    wait = stage.wait.p50 if stage.wait else 0.0
    return (wait + stage.elapsed.p50) * attempts_needed(stage)


def _why(
    stage: StageSummary, others: Sequence[StageSummary], to_go_s: float | None
) -> tuple[str, str]:
    """The cause and a sentence: the dearest of failures, wait and run."""
    run = stage.elapsed.p50 if stage.elapsed else None
    wait = stage.wait.p50 if stage.wait else None
    open_now = stage.counts.open - stage.counts.held
    to_go = f"{open_now:,} to go" if to_go_s is not None and open_now else ""
    rate = stage.failure_rate or 0.0
    if rate >= MANY_FAILURES and stage.attempts >= FEW_ATTEMPTS:
        worst = stage.failures[0][0].replace("_", " ")
        return "failures", _join(f"{100 * rate:.0f} % of runs fail, mostly {worst}", to_go)
    if wait is not None and run is not None and wait > LONG_WAIT * run:
        words = f"median wait {span_words(wait)} against {span_words(run)} of run"
        return "wait", _join(words, to_go)
    if run is None:
        longest = stage.waiting_longest_s
        waited = "" if longest is None else f"the first waits for {span_words(longest)}"
        return "wait", _join(waited or "no run is over yet", to_go)
    paces = [one.counts.open * 3600 / one.eta.mid_s for one in others if one.eta and one.eta.mid_s]
    if to_go_s is not None and stage.eta is not None and open_now > 1:
        now = open_now * 3600 / stage.eta.mid_s if stage.eta.mid_s else 0.0
        if now and len(paces) > 1 and now <= min(paces):
            return "pace", _join(f"lowest throughput: {pace_words(now)} jobs an hour", to_go)
        at_once = f"{stage.counts.running:,} at a time" if stage.counts.running else ""
        words = f"{open_now:,} jobs left, about {span_words(stage.eta.mid_s)}"
        return "run", _join(words, at_once)
    return "run", _join(f"median run {span_words(run)}", to_go)


def _join(*parts: str) -> str:
    return ", ".join(filter(None, parts))
