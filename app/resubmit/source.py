"""Plans what is sent again: asks the site and history, corrects, and writes the scripts.

Runs beside the backend, in a child, since it asks the site and reads files. An array is asked for
once, however many of its tasks are sent again.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from jobshape.app.backends.base import Backend, Scope
from jobshape.app.domain.action import SubmissionRecord, leading_id
from jobshape.app.domain.array_tasks import parse_array
from jobshape.app.domain.errors import BackendError, JobshapeError
from jobshape.app.domain.family import family_of
from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import AccountedJob, Job
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.resubmission import (
    LeftOut,
    Resubmission,
    ResubmissionPlan,
    Wanted,
)
from jobshape.app.domain.site import Node
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.history.history import History
from jobshape.app.history.query import JobQuery
from jobshape.app.resubmit.cases import Case, case_of, findings_of
from jobshape.app.resubmit.correcting import SiteRoom, correct, sick_nodes
from jobshape.app.resubmit.grouping import Group, grouped, merged
from jobshape.app.resubmit.het import OOM_EXIT, attributed, together, whole_state
from jobshape.app.resubmit.origin import Origin
from jobshape.app.resubmit.script import made
from jobshape.app.resubmit.sent import CLOCKS_APART_S, QueueStates, SentAgain

Findings = Mapping[int, Sequence[Finding]]

MOST_PAST = 200
MOST_TRIES = 20
"""Earlier runs of one line that are looked at."""

MOST_SUBMISSIONS = 5000
MOST_GROUPS = 60
"""Submissions of one plan: each asks the site for a script."""


def prepare(backend: Backend, wanted: Wanted) -> ResubmissionPlan:
    """What is sent again of these jobs. Raises a BackendError where the site gives no answer."""
    queue = backend.queue(Scope.MINE).jobs
    history, doubt = None, ""
    if wanted.history_path:
        try:
            history = History.to_read(Path(wanted.history_path))
        except JobshapeError as error:
            doubt = f"whether it was sent again before is not known: {error.what}"
            if wanted.by_itself:
                raise BackendError(doubt) from error
    try:
        return _Planner(backend, wanted, queue, history, doubt).plan()
    finally:
        if history is not None:
            history.close()


class _Planner:
    def __init__(self, backend: Backend, wanted: Wanted, queue: Sequence[Job],
                 history: History | None, doubt: str = "") -> None:  # fmt: skip
        self._doubt = doubt
        self._backend, self._wanted, self._history = backend, wanted, history
        self._site = wanted.site
        self._origin = Origin(backend, history, wanted.site)
        self._queue = QueueStates(queue)
        self._queue_jobs = queue
        now = {job.job_id: job for job in queue}
        self._jobs = [_newer(job, now.get(job.job_id)) for job in self._with_components()]
        self._states: dict[int, dict[int | None, str]] = {}
        self._room: SiteRoom | None = None

    def _with_components(self) -> list[Job]:
        """The jobs that are wanted, and all components of those that are heterogeneous."""
        jobs = list(self._wanted.jobs)
        chosen = {job.het_job_id: job for job in jobs if job.het_job_id is not None}
        known = {job.job_id for job in jobs}
        for het, one in chosen.items():
            more = [job for job in self._queue_jobs if job.het_job_id == het]
            if not any(job.job_id == one.job_id for job in more):
                with suppress(BackendError):
                    since = one.submit_time or 0
                    kept = self._backend.accounting(Scope.MINE, since, jobs=[str(het)])
                    more = [kept_job.job for kept_job in kept]
            jobs += [
                job for job in more
                if job.het_job_id == het and job.job_id not in known and (
                    abs((job.submit_time or 0) - (one.submit_time or 0)) <= CLOCKS_APART_S
                )
            ]  # fmt: skip
        return jobs

    def plan(self) -> ResubmissionPlan:
        wanted = self._wanted
        found = findings_of(self._jobs, wanted.findings)
        sent = SentAgain(
            self._submissions(), self._queue, self._state_of, time.time(), self._jobs,
            by_itself=wanted.by_itself,
        )  # fmt: skip

        queued = {job.job_id for job in self._queue_jobs}

        def against(job: Job) -> str:
            if phase_of(job.state) is Phase.RUNNING and job.job_id not in queued:
                return "it left the queue since: choose it again"
            if wanted.by_itself and case_of(job, found[job.job_id]).is_hopeless:
                return "would fail again: mend it, then send it yourself"
            return sent.against(job)

        groups, left = grouped(
            self._jobs,
            reason_against=against,
            running=wanted.running,
            by_itself=wanted.by_itself,
            done=wanted.done,
        )
        cases = {group.reference: self._cases(group, found) for group in groups[:MOST_GROUPS]}
        sick = sick_nodes(
            (case for of_group in cases.values() for case in of_group),
            lambda case: family_of(case.job),
        )
        resubmissions: list[Resubmission] = []
        for group in groups[:MOST_GROUPS]:
            try:
                resubmissions.append(self._resubmission(group, cases[group.reference], sick))
            except JobshapeError as error:
                left.append(LeftOut(f"{error.what}", len(group.jobs)))
        if len(groups) > MOST_GROUPS:
            more = sum(len(group.jobs) for group in groups[MOST_GROUPS:])
            left.append(LeftOut(f"at most {MOST_GROUPS} submissions at once: do it again", more))
        return ResubmissionPlan(tuple(resubmissions), merged(left))

    # --- evidence ---------------------------------------------------------------------------

    def _cases(self, group: Group, found: Findings) -> list[Case]:
        used = self._used(group)
        if group.is_het:
            return self._cases_of_components(group, found, used)
        cases = []
        for job in group.jobs:
            case = case_of(job, found[job.job_id], used.get(job.label) or used.get(str(job.job_id)))
            cases.append(case)
        tries = self._tries(group.jobs[0], {case.label for case in cases})
        return [replace(case, tries=tries) for case in cases] if tries else cases

    def _cases_of_components(
        self, group: Group, found: Findings, used: Mapping[str, AccountedJob]
    ) -> list[Case]:
        own = [used.get(job.label) or used.get(str(job.job_id)) for job in group.jobs]
        derived = [one.derived_exit_code if one else "" for one in own]
        each = zip(group.jobs, own, strict=True)
        cases = attributed([case_of(job, found[job.job_id], one) for job, one in each], derived)
        before = self._ends_of_ancestors(group.jobs[0]) if any(case.fix for case in cases) else []
        return [replace(case, tries=sum(case.label in of for of in before)) for case in cases]

    def _ends_of_ancestors(self, leader: Job) -> list[set[str]]:
        """Of each earlier submission of a heterogeneous job, what its components died of."""
        ends: list[set[str]] = []
        for job in self._ancestors(leader):
            labels: set[str] = set()
            with suppress(BackendError):
                since = job.submit_time or 0
                for one in self._backend.accounting(Scope.MINE, since, jobs=[str(job.job_id)]):
                    labels.add(case_of(one.job, ()).label)
                    if one.derived_exit_code == OOM_EXIT:
                        labels.add("oom_host")
            ends.append(labels)
        return ends

    def _used(self, group: Group) -> dict[str, AccountedJob]:
        """What accounting has of the group's jobs, asked once; nothing where there is none."""
        since = min((job.submit_time or 0 for job in group.jobs), default=0)
        try:
            kept = self._backend.accounting(Scope.MINE, since, jobs=[group.site_reference])
        except BackendError:
            return {}
        return {one.job.label: one for one in kept}

    def _tries(self, first: Job, labels: set[str]) -> int:
        """Earlier runs of the line of a job that ended alike."""
        line = self.lineage(first)
        seen = [past.finding or case_of(past.record.job, ()).label for past in line]
        if not line:  # sent a moment ago: only the submissions tell of it yet
            seen = [case_of(job, ()).label for job in self._ancestors(first)]
        return sum(label in labels for label in seen)

    def _ancestors(self, job: Job) -> list[Job]:
        """The earlier jobs of a line by our own submissions, the newest first."""
        found: list[Job] = []
        record = self._origin.submission(job)
        while record is not None and record.resubmitted_from and len(found) < MOST_TRIES:
            before = leading_id(record.resubmitted_from[0])
            known = self._job(before) if before is not None else None
            if known is None or known in found:
                break
            found.append(known)
            record = self._origin.submission(known)
        return found

    def _job(self, job_id: int) -> Job | None:
        """A job of the queue or of history; of an array one of its tasks."""
        for job in self._queue_jobs:
            if job_id in (job.job_id, job.array_job_id):
                return job
        if self._history is not None:
            with suppress(JobshapeError):
                past = self._history.job(self._site, job_id)
                return None if past is None else past.record.job
        return None

    def lineage(self, job: Job) -> list[PastJob]:
        """The earlier runs that a job was resubmitted from, one a submission."""
        if self._history is None:
            return []
        with suppress(JobshapeError):
            line = self._history.lineage(self._site, job.job_id, job.submit_time)
            own = {job.job_id, job.array_job_id}
            before: dict[int, PastJob] = {}
            for past in line:
                record = past.record.job
                same_task = record.array_task_id == job.array_task_id
                if not own & {record.job_id, record.array_job_id} and same_task and (
                    (record.submit_time or 0) < (job.submit_time or 0)
                ):  # fmt: skip
                    before[record.array_job_id or record.job_id] = past
            return list(before.values())
        return []

    def _past(self, job: Job) -> Sequence[PastJob]:
        if self._history is None:
            return ()
        with suppress(JobshapeError):
            alike = self._history.similar(job, self._site, MOST_PAST)
            return [one for one in alike if one.record.job.het_offset == job.het_offset]
        return ()

    def _site_room(self) -> SiteRoom:
        """Asked only once something is to be corrected."""
        if self._room is None:
            nodes: Sequence[Node] = ()
            limits = SiteLimits()
            with suppress(BackendError):
                nodes = self._backend.nodes()
            with suppress(BackendError):
                limits = self._backend.limits()
            self._room = SiteRoom(tuple(nodes), limits)
        return self._room

    # --- what was sent before ---------------------------------------------------------------

    def _submissions(self) -> Sequence[SubmissionRecord]:
        if self._history is None or not self._jobs:
            return ()
        since = min(job.submit_time or 0 for job in self._jobs)
        try:
            return self._history.submissions(self._site, since=since, limit=MOST_SUBMISSIONS)
        except JobshapeError as error:
            self._doubt = f"whether it was sent again before is not known: {error.what}"
            if self._wanted.by_itself:
                raise BackendError(self._doubt) from error
        return ()

    def _state_of(self, job_id: int, task: int | None) -> str:
        state = self._queue.state(job_id, task)
        if not state and task is not None:  # a job of its own, no task of an array
            state = self._queue.plain_state(job_id)
        if state:
            return state
        if job_id not in self._states:
            self._states[job_id] = self._past_states(job_id)
        known = self._states[job_id]
        return known.get(task) or known.get(None) or ""

    def _past_states(self, job_id: int) -> dict[int | None, str]:
        states: dict[int | None, str] = {}
        records: list[Job] = []
        if self._history is not None:
            with suppress(JobshapeError):
                query = JobQuery(site=self._site, ids=(str(job_id),), limit=100_000)
                records = [one.record.job for one in self._history.jobs(query)]
        unsure = not records or any(
            phase_of(job.state) in (Phase.WAITING, Phase.RUNNING, Phase.UNKNOWN) for job in records
        )  # it left the queue, so history is behind
        if unsure:
            with suppress(BackendError):
                since = min((job.submit_time or 0 for job in self._jobs), default=0)
                kept = self._backend.accounting(Scope.MINE, since, jobs=[str(job_id)])
                records += [one.job for one in kept]
        parts = [job.state for job in records if job.het_job_id is not None]
        if parts:
            return {None: whole_state(parts)}
        for job in records:
            states[job.array_task_id if job.array_job_id is not None else None] = job.state
        return states

    # --- one submission ---------------------------------------------------------------------

    def _resubmission(self, group: Group, cases: list[Case], sick: Sequence[str]) -> Resubmission:
        found = self._origin.found(group)
        shape = found.request.shape
        throttle = 0
        if shape.array:
            with suppress(JobshapeError):
                _, throttle = parse_array(shape.array)
        array = group.array_with(throttle)
        before = [replace(one.shape, array=array) for one in found.requests]
        needs = any(case.fix in ("raise_memory", "raise_walltime", "exclude_node")
                    or case.label == "node_fail" for case in cases) or bool(sick)  # fmt: skip
        room = self._site_room() if needs else SiteRoom()
        mine = [node for node in sick if any(node in case.job.node_list for case in cases)]
        corrected = [
            correct(one, of_one, self._past(of_one[0].job) if needs and of_one else (),
                    self._wanted.terms, room, mine)
            for one, of_one in zip(before, _by_component(group, cases), strict=True)
        ]  # fmt: skip
        if group.is_het:
            corrected = together(corrected)
        corrections = tuple(fix for one in corrected for fix in one.corrections)
        result = made(found, corrections, array)
        running = sum(phase_of(job.state) is Phase.RUNNING for job in group.jobs)
        warnings = [
            *filter(None, [self._doubt]), *(text for one in corrected for text in one.warnings),
            *result.warnings,
        ]  # fmt: skip
        if all(phase_of(job.state) is Phase.DONE for job in group.jobs):
            warnings.append("it did well: this runs it once more")
        if running:
            warnings.append("it still runs: this is sent beside it, and both will write")
        labels: dict[str, int] = {}
        for case in cases:
            if case.label:
                labels[case.label] = labels.get(case.label, 0) + 1
        return Resubmission(
            jobs=(group.reference,), name=found.request.name, request=result.request,
            before=tuple(before), after=tuple(one.shape for one in corrected),
            corrections=corrections,
            script_source=found.source, script_path=found.request.script_path,
            warnings=tuple(dict.fromkeys(warnings)), diff=result.diff,
            count=1 if group.is_het else len(group.jobs),
            job_ids=tuple(job.job_id for job in group.jobs),
            labels=tuple(sorted(labels, key=lambda label: -labels[label])),
            retriable=all(one.hopeful for one in corrected) and not running and not group.is_het,
        )  # fmt: skip


def _by_component(group: Group, cases: Sequence[Case]) -> list[list[Case]]:
    """The cases of each component; of any other group all of them at once."""
    if not group.is_het:
        return [list(cases)]
    return [[case for case in cases if case.job.job_id == job.job_id] for job in group.jobs]


def _newer(job: Job, now: Job | None) -> Job:
    """The record of the queue, if it is of the same submission."""
    if now is None or (
        None not in (now.submit_time, job.submit_time)
        and (now.submit_time != job.submit_time and now.restarts == job.restarts)
    ):
        return job
    return now._replace(stage=job.stage)
