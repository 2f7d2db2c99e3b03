"""How much walltime to ask for."""

from collections.abc import Sequence
from math import ceil

from jobshape.app.domain.units import format_short_duration
from jobshape.app.sizing.deciding import arithmetic, interval_of, ledger_of
from jobshape.app.sizing.ladder import GROWTH, next_rung
from jobshape.app.sizing.ledger import Choice, Ledger
from jobshape.app.sizing.relevant import floor_of, relevant_runs
from jobshape.app.sizing.run import SizingRun
from jobshape.app.sizing.sized import Sized

PRICE = 30.0
"""What a timeout costs besides the lost hours: average runs. On the shared traces one job in 180
then hits its limit, on none of them one in 100; a limit that is too long only waits longer."""

SMALLEST_LOSS_S = 7200.0
"""Schedulers hardly care about less: a timeout costs its price on at least two hours."""

NEWEST = 3
"""If most of these hit their limit it is too short; a single one may have hung."""

ROUND_S = 60


def choose_walltime(ledger: Ledger, input_bytes: float | None, asked: float | None) -> Choice:
    """The rule to follow; never above what was asked unless a run needed more."""
    known = asked if asked is not None and asked >= ledger.largest_sure else None
    return ledger.choose(input_bytes, PRICE, known)


def walltime_retry(failed: float, largest: float, asked: float | None) -> float:
    """The limit after one that was too short: what was asked, beyond that the largest seen."""
    return asked if asked is not None and asked > failed else next_rung(failed, largest)


def size_walltime(
    runs: Sequence[SizingRun],
    *,
    asked: float | None = None,
    input_bytes: float | None = None,
    version: str = "",
) -> Sized:
    """Walltime for the next run of this family, in seconds, rounded up to a minute.

    runs: earlier ones, oldest first, their run times in seconds, those that hit their limit
    censored. asked: the limit that the script asks for now.
    """
    kept, notes = relevant_runs(runs, version=version)
    if not kept:
        if asked is None:
            return Sized(None, None, None, None, "nothing", 0, (*notes, "no run yet"))
        as_asked = f"no run yet: {format_short_duration(round(asked))} as asked"
        return Sized(round(asked), None, None, None, "asked", 0, (*notes, as_asked))
    ledger = ledger_of([run._replace(runtime_s=1.0) for run in kept], SMALLEST_LOSS_S)
    choice = choose_walltime(ledger, input_bytes, asked)
    request = choice.request
    why = [_looked_at(kept), *notes, *arithmetic(choice, PRICE)]
    why.append(f"expected to ask too much {format_short_duration(round(choice.waste))} a run")
    floor = floor_of(kept, input_bytes)
    newest = kept[-NEWEST:]
    if 2 * sum(run.censored for run in newest) > len(newest):
        floor *= GROWTH
    if request < floor:
        request = floor
        why.append("raised: no run shows what those that hit their limit would have needed")
    if all(run.smoke for run in kept) and asked is not None and request < asked:
        request = asked
        why.append("not below what was asked: only smoke runs are known")
    low, high = interval_of(kept, ledger.seen, choice, input_bytes)
    rounded = _rounded(request)
    retry = walltime_retry(rounded, ledger.seen.largest, asked)
    return Sized(
        request=rounded,
        low=round(low),
        high=round(high),
        p_fail=choice.p_fail,
        basis="history",
        runs=len(kept),
        why=tuple(why),
        retries=(_rounded(retry), _rounded(GROWTH * retry)),
    )


def _looked_at(kept: Sequence[SizingRun]) -> str:
    times = [round(run.need) for run in kept]
    ended = sum(run.censored for run in kept)
    text = f"{len(kept)} earlier runs" if len(kept) > 1 else "1 earlier run"
    text += f", {format_short_duration(min(times))} to {format_short_duration(max(times))}"
    return text + (f", {ended} of them hit their limit" if ended else "")


def _rounded(duration_s: float) -> int:
    return ceil(duration_s / ROUND_S) * ROUND_S
