"""What follows from the end of an attempt. Pure: the evidence in, the trial's next state out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jobshape.app.domain.entry import show_size
from jobshape.app.domain.finding import NONE, UNKNOWN, Finding
from jobshape.app.domain.job import NO_JOB, AccountedJob, Job
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.terms import Terms
from jobshape.app.resubmit.cases import Case, case_of
from jobshape.app.resubmit.correcting import MAY_BE_NODE, SiteRoom, correct, nodes_of_failure
from jobshape.app.rounds.campaign import Attempt, Trial, TrialState

OOM = ("oom_host", "oom_gpu")


class Next(NamedTuple):
    """What becomes of a trial. ``state`` pending with the label of an OOM counts as failed_oom.

    is_unknown: nobody knows why it failed, so a person is asked.
    """

    state: TrialState
    why: str = ""
    label: str = ""
    title: str = ""
    due_at: int = 0
    memory_bytes: int | None = None
    time_limit_s: int | None = None
    exclude_nodes: str = ""
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Grounds:
    """What is known at the end of an attempt. ``labels``: of its attempts before, oldest first."""

    job: Job
    used: AccountedJob | None
    findings: Sequence[Finding]
    missing: tuple[str, ...]  # of its output check and metrics; () where all holds
    labels: tuple[str, ...]
    shape: JobShape  # as it was sent
    siblings: Sequence[Attempt]  # attempts of its target that did well
    sick: Sequence[str] = ()  # nodes that look bad, see :func:`sick_nodes`
    is_gone: bool = False
    is_checked: bool = False  # something on disk or in the log was looked at


class Rules(NamedTuple):
    """What manifest and policy say of trying again."""

    most: int
    delay_s: int
    terms: Terms
    room: SiteRoom = SiteRoom()


def decide(trial: Trial, grounds: Grounds, rules: Rules, now: int) -> Next:
    """The next state of a trial whose attempt is over."""
    done = phase_of(grounds.job.state) is Phase.DONE
    if done or grounds.is_gone or trial.state == "stale":
        # Of a job that nobody knows any more only its output can say that it did well.
        if not grounds.missing and (grounds.is_checked or not grounds.is_gone):
            return Next("completed")
        if done or trial.state == "stale":
            return Next(
                "failed_other", "; ".join(grounds.missing), "output_check", "output check failed"
            )
        return Next("failed_other", "the site no longer knows the job", UNKNOWN, is_unknown=True)
    case = case_of(grounds.job, grounds.findings, grounds.used, grounds.labels.count("oom_host"))
    label = case.label or UNKNOWN
    if phase_of(grounds.job.state) is Phase.CANCELLED:
        return Next("stuck", "its job was cancelled", "cancelled", "cancelled")
    if label in (UNKNOWN, NONE):
        return Next("failed_other", case.title or "nobody knows why it failed", UNKNOWN,
                    "unknown failure", is_unknown=True)  # fmt: skip
    if case.is_hopeless:
        return Next("failed_other", case.title, label, case.title)
    return _again(trial, case, grounds, rules, now)


def _again(trial: Trial, case: Case, grounds: Grounds, rules: Rules, now: int) -> Next:
    again = len(grounds.labels)
    alike = 1
    for label in reversed(grounds.labels):
        if label != case.label:
            break
        alike += 1
    if again >= rules.most:
        why = f"{case.title}; sent {again + 1} times, and no more are allowed"
        return Next("stuck", why, case.label, case.title)
    if alike >= rules.terms.same_failures:
        return Next("stuck", f"{alike} times the same: {case.title}", case.label, case.title)
    sick = list(grounds.sick)
    if trial.kind == "smoke" and case.label in MAY_BE_NODE:
        sick += nodes_of_failure(case)  # a smoke has one more try: not on the same node
    corrected = correct(
        grounds.shape, [case], [_past(one) for one in grounds.siblings], rules.terms, rules.room,
        sick=sick,
    )  # fmt: skip
    if not corrected.hopeful:
        why = corrected.warnings[0] if corrected.warnings else case.title
        return Next("stuck", why, case.label, case.title)
    shape = corrected.shape
    said = "; ".join(dict.fromkeys(one.reason for one in corrected.corrections)) or case.title
    state: TrialState = "failed_oom" if case.label in OOM else "pending"
    return Next(
        state, said, case.label, case.title, now + rules.delay_s,
        memory_bytes=_changed(shape.memory_bytes, grounds.shape.memory_bytes),
        time_limit_s=_changed(shape.time_limit_s, grounds.shape.time_limit_s),
        exclude_nodes=shape.exclude_nodes or "",
    )  # fmt: skip


def _changed(new: int | None, old: int | None) -> int | None:
    return new if new != old else None


def _past(attempt: Attempt) -> PastJob:
    job = NO_JOB._replace(
        state="COMPLETED", start_time=attempt.started_at, end_time=attempt.ended_at,
        memory_bytes=attempt.memory_bytes,
    )  # fmt: skip
    record = AccountedJob(job, attempt.elapsed_s, attempt.total_cpu_s, attempt.max_rss_bytes, "")
    return PastJob("", record, attempt.ended_at or 0)


def lesson_of(trial: Trial, decided: Next) -> str:
    """What a corrected shape says in a line, for people."""
    if decided.memory_bytes:
        return f"{trial.plan_id}: {decided.title}; memory {show_size(decided.memory_bytes)}"
    return f"{trial.plan_id}: {decided.title}; {decided.why}"


def sick_nodes(attempts: Sequence[Attempt]) -> list[str]:
    """Nodes where twice or more something failed that a sick node causes, and nothing well since.

    attempts: of one target: a node without its file system still does well what needs none.
    """
    failed: Counter[str] = Counter()
    for one in sorted(attempts, key=lambda one: one.ended_at or 0):
        if one.label in MAY_BE_NODE and "[" not in one.node_list:
            failed[one.node_list] += 1
        elif one.state == "COMPLETED":
            failed.pop(one.node_list, None)
    return [node for node, times in failed.items() if node and times > 1]
