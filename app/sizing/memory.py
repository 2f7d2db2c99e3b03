"""How much memory to ask for."""

from collections.abc import Sequence
from math import ceil

from jobshape.app.domain.units import GIB, MIB, format_size
from jobshape.app.sizing.deciding import arithmetic, interval_of, ledger_of, retries_of
from jobshape.app.sizing.ladder import GROWTH
from jobshape.app.sizing.ledger import Choice, Ledger
from jobshape.app.sizing.relevant import floor_of, relevant_runs
from jobshape.app.sizing.run import SizingRun
from jobshape.app.sizing.sized import LEANINGS, Leaning, Sized

PRICES: dict[Leaning, float] = {"lean": 1.0, "default": 5.0, "safe": 25.0}
"""What a failed attempt costs besides what it held: average runs of the family."""

SMALLEST_LOSS_BYTES = 1e9
"""Failing is a nuisance however small the job is: its price counts on at least this memory."""

DATA_FACTOR, DATA_MARGIN = 3.0, 1.2
"""Site pages' rule of thumb where nothing is known: three times the data and 20 %."""

ROUND_BYTES = 16 * MIB


def choose_memory(
    ledger: Ledger, leaning: Leaning, input_bytes: float | None, asked: float | None
) -> Choice:
    """The rule to follow; a safer leaning never asks for less than a leaner one.

    Not more than was asked as long as every run has fitted into that.
    """
    best: Choice | None = None
    for each in LEANINGS:
        choice = ledger.choose(input_bytes, PRICES[each])
        if best is None or choice.request > best.request:
            best = choice
        if each == leaning:
            break
    assert best is not None
    if asked is not None and ledger.seen.largest < asked < best.request:
        return Choice(asked, "asked", asked, 1.0, best.waste, best.surprise, best.fail_share)
    return best


def size_memory(
    runs: Sequence[SizingRun],
    *,
    asked: float | None = None,
    input_bytes: float | None = None,
    leaning: Leaning = "default",
    version: str = "",
) -> Sized:
    """Memory for the next run of this family, in bytes, rounded up to 16 MiB.

    runs: earlier ones, oldest first, their peaks in bytes; a job that was retried counts once,
    with what it needed in the end. asked: what the script asks for now.
    """
    kept, notes = relevant_runs(runs, version=version)
    if not kept:
        return _cold(asked, input_bytes, tuple(notes))
    ledger = ledger_of(kept, SMALLEST_LOSS_BYTES)
    choice = choose_memory(ledger, leaning, input_bytes, asked)
    request, why = choice.request, [*_looked_at(kept, ledger, input_bytes), *notes]
    why += arithmetic(choice, PRICES[leaning])
    why.append(f"expected to hold for nothing {_gib_hours(choice.waste)} a run")
    floor = floor_of(kept, input_bytes)
    if floor and request < GROWTH * floor:
        request = GROWTH * floor
        why.append(f"raised: {format_size(round(floor))} was too small and no run shows the need")
    if all(run.smoke for run in kept) and asked is not None and request < asked:
        request = asked
        why.append("not below what was asked: only smoke runs are known")
    low, high = interval_of(kept, ledger.seen, choice, input_bytes)
    rounded = _rounded(request)
    return Sized(
        request=rounded,
        low=round(low),
        high=round(high),
        p_fail=choice.p_fail,
        basis="history",
        runs=len(kept),
        why=tuple(why),
        retries=tuple(_rounded(each) for each in retries_of(rounded, ledger.seen.largest)),
    )


def _cold(asked: float | None, input_bytes: float | None, notes: tuple[str, ...]) -> Sized:
    """Without a run to learn from: what was asked, else the rule of thumb, else nothing."""
    if asked is not None:
        why = f"no run yet: {format_size(round(asked))} as asked"
        return Sized(round(asked), None, None, None, "asked", 0, (*notes, why))
    if input_bytes:
        thumb = _rounded(DATA_FACTOR * DATA_MARGIN * input_bytes)
        why = f"no run yet: {format_size(round(input_bytes))} of data x 3, and 20 %"
        return Sized(thumb, None, None, None, "rule of thumb", 0, (*notes, why))
    return Sized(None, None, None, None, "nothing", 0, (*notes, "no run and no input size yet"))


def _looked_at(kept: Sequence[SizingRun], ledger: Ledger, input_bytes: float | None) -> list[str]:
    ended = sum(run.censored for run in kept)
    needs = [round(run.need) for run in kept if not run.censored]
    lines = [f"{len(kept)} earlier runs" if len(kept) > 1 else "1 earlier run"]
    if needs:
        lines[0] += f", peaks {format_size(min(needs))} to {format_size(max(needs))}"
    if ended:
        lines.append(f"{ended} ran out of memory: each says only more than its limit")
    line = ledger.seen.line()
    if line and input_bytes is not None:
        at = ledger.seen.line_at(input_bytes) or 0.0
        lines.append(
            f"on input size: {format_size(round(line[1]))} + {line[0]:.3g} x"
            f" {format_size(round(input_bytes))} = {format_size(round(at))}"
        )
    return lines


def _gib_hours(byte_seconds: float) -> str:
    return f"{byte_seconds / GIB / 3600:.3g} GiB-hours"


def _rounded(size: float) -> int:
    return ceil(size / ROUND_BYTES) * ROUND_BYTES
