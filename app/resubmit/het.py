"""A heterogeneous job as one thing that is sent again: its state, and whose failure it was. Pure.

Slurm gives all components the exit of the batch script, so of a step that was killed for memory the
component is told by the step alone: its derived exit code is ``0:125``, or the log of the leader
names it. Tried with Slurm 22.05 and 26.05.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from jobshape.app.domain.finding import NONE, UNKNOWN
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.resubmission import Correction
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.resubmit.cases import OF_STATE, Case
from jobshape.app.resubmit.correcting import Corrected

OOM_EXIT = "0:125"
"""The derived exit code of a job of which a step was killed for memory."""

WHOSE_UNKNOWN = "of which component is not known"
_OOM_STEP = re.compile(r"oom[_-]kill event\w* in StepId=(\d+(?:\+\d+)?)\.")
_SIGNAL = re.compile(r"0:[1-9]")
_NOT_SAID = ("", NONE, UNKNOWN)
_ORDER = (Phase.WAITING, Phase.RUNNING, Phase.FAILED, Phase.UNKNOWN, Phase.CANCELLED, Phase.DONE)


def whole_state(states: Iterable[str]) -> str:
    """The state that stands for all components: over only when all are, well only if all did."""
    return min(states, key=lambda state: _ORDER.index(phase_of(state)), default="")


def attributed(cases: Sequence[Case], derived: Sequence[str] = ()) -> list[Case]:
    """The cases without those of components whose end only follows from another one's.

    cases: one a component, in order. derived: their derived exit codes, where accounting has them.
    """
    killed = {
        at for at, case in enumerate(cases)
        if case.job.state == "OUT_OF_MEMORY" or OOM_EXIT in derived[at : at + 1]
    } | _named(cases)  # fmt: skip
    title = next((case.title for case in cases if case.label == "oom_host"), "out of memory")
    evident = [
        replace(case, label="oom_host", title=title, fix="raise_memory", retry="yes")
        if at in killed and case.fix != "raise_memory" else case
        for at, case in enumerate(cases)
    ]  # fmt: skip
    proven = killed | {
        at for at, case in enumerate(evident)
        if case.job.state in OF_STATE and phase_of(case.job.state) is Phase.FAILED
    }  # fmt: skip
    taken = {evident[at].label for at in proven}
    is_said = any(case.label not in _NOT_SAID for case in evident)

    def follows(at: int, case: Case) -> bool:
        if at in proven or not is_said:
            return False
        ended_by_signal = case.job.state == "CANCELLED" or _SIGNAL.match(case.job.exit_code)
        return case.label in _NOT_SAID or case.label in taken or bool(proven and ended_by_signal)

    kept = [case for at, case in enumerate(evident) if not follows(at, case)]
    if not killed:
        kept = [
            replace(case, title=f"{case.title}, {WHOSE_UNKNOWN}")
            if case.fix == "raise_memory" else case for case in kept
        ]  # fmt: skip
    return kept


def together(corrected: Sequence[Corrected]) -> list[Corrected]:
    """The corrections with their component's number.

    Components end together, so they get one walltime; and sbatch leaves out the nodes of one in
    those behind it, too, unless these say --exclude themselves.
    """
    longest = max(
        (fix for one in corrected for fix in one.corrections if fix.field == "time_limit_s"),
        key=lambda fix: int(fix.new), default=None,
    )  # fmt: skip
    result: list[Corrected] = []
    left_out: Correction | None = None
    for number, one in enumerate(corrected):
        fixes = list(one.corrections)
        own_nodes = next((fix for fix in fixes if fix.field == "exclude_nodes"), None)
        if own_nodes is None and left_out is not None and one.shape.exclude_nodes is None:
            fixes.append(left_out)
        elif own_nodes is not None or one.shape.exclude_nodes is not None:
            left_out = own_nodes and own_nodes._replace(
                old=None, reason=f"taken over from component {number}: {own_nodes.reason}"
            )
        limit = one.shape.time_limit_s
        if longest is not None and limit != UNLIMITED and (limit or 0) < longest.new:
            own = next((fix for fix in fixes if fix.field == "time_limit_s"), None)
            reason = longest.reason if own else f"components end together: {longest.reason}"
            new = longest._replace(old=own.old if own else limit, reason=reason)
            fixes = [fix for fix in fixes if fix is not own] + [new]
        shape = replace(one.shape, **{fix.field: fix.new for fix in fixes})
        numbered = tuple(fix._replace(component=number) for fix in fixes)
        result.append(replace(one, shape=shape, corrections=numbered))
    return result


def _named(cases: Sequence[Case]) -> set[int]:
    """The components that a log of any of them names: by their own id, or as ``9+1``."""
    names = {name for case in cases for name in _OOM_STEP.findall(case.evidence)}
    return {
        at for at, case in enumerate(cases)
        if names & {str(case.job.job_id), case.job.label}
    }  # fmt: skip
