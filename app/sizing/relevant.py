"""Which earlier runs say something about the next one."""

from collections.abc import Sequence
from itertools import accumulate

from jobshape.app.sizing.run import SizingRun

VERSION_RUNS = 3  # runs of the current code that outweigh all older ones
CHANGED_RUNS = 10  # on each side of a change that nobody told us of
CHANGED_FACTOR = 0.8  # how clearly below the runs before it those after it lie


def relevant_runs(
    runs: Sequence[SizingRun], *, version: str = ""
) -> tuple[list[SizingRun], list[str]]:
    """The runs to learn from, oldest first, and a line for each reason to leave some out.

    version: of the code that will run, "" for unknown.
    """
    kept, notes = list(runs), []
    whole = [run for run in kept if not run.smoke]
    if whole and len(whole) < len(kept):
        notes.append(f"{_runs(len(kept) - len(whole))} left out: smoke runs are cut short")
        kept = whole
    current = [run for run in kept if version and run.version == version]
    if len(current) < len(kept) and len(current) >= VERSION_RUNS:
        notes.append(f"{_runs(len(kept) - len(current))} left out: older code than {version}")
        kept = current
    start = changed_at(kept)
    if start:
        notes.append(
            f"{_runs(start)} left out: the {len(kept) - start} newest all need clearly less"
        )
        kept = kept[start:]
    return kept, notes


def changed_at(runs: Sequence[SizingRun]) -> int:
    """Where the need fell for good, as after a change of the code; 0 for nowhere.

    Only falls: a rise shows in the very first run that needs more. Not one that smaller inputs
    explain. By chance alone ten runs lie below the ten before them once in 185,000 times.
    """
    count = len(runs)
    if count < 2 * CHANGED_RUNS:
        return 0
    needs = [run.need for run in runs]
    highest = list(accumulate(reversed(needs), max))[::-1]
    for at in range(count - CHANGED_RUNS, CHANGED_RUNS - 1, -1):
        if highest[at] >= CHANGED_FACTOR * needs[at - 1]:
            continue
        if highest[at] < CHANGED_FACTOR * min(needs[at - CHANGED_RUNS : at]):
            before = runs[at - CHANGED_RUNS : at]
            inputs = [run.input_bytes for run in before if run.input_bytes is not None]
            after = [run.input_bytes for run in runs[at:] if run.input_bytes is not None]
            if not inputs or not after or max(after) >= min(inputs):
                return at
    return 0


def floor_of(runs: Sequence[SizingRun], input_bytes: float | None) -> float:
    """The largest limit that was too small and that no later run has explained; 0 for none.

    A later run that needed more shows what the killed one was after. A killed run on a larger
    input says nothing of a smaller one.
    """
    largest_after, floor = 0.0, 0.0
    for run in reversed(runs):
        if not run.censored:
            largest_after = max(largest_after, run.need)
        elif run.need >= largest_after and not (
            input_bytes is not None
            and run.input_bytes is not None
            and run.input_bytes > input_bytes
        ):
            floor = max(floor, run.need)
    return floor


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
