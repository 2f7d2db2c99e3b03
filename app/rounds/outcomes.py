"""What the ends of jobs mean for their trials: judged by output, log and Slurm, kept, decided."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobshape.app.backends.base import Backend
from jobshape.app.collector.diagnosing import look_into
from jobshape.app.domain.errors import BackendError, JobshapeError
from jobshape.app.domain.finding import Finding
from jobshape.app.domain.log_part import FOUND
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.resubmit.correcting import SiteRoom
from jobshape.app.rounds.campaign import Attempt, Trial, TrialState
from jobshape.app.rounds.campaign_run import CampaignRun
from jobshape.app.rounds.conditions import check_output, looks_done
from jobshape.app.rounds.deciding import Grounds, Next, Rules, decide, sick_nodes
from jobshape.app.rounds.figures import read_metrics
from jobshape.app.rounds.judging import judge_smoke
from jobshape.app.rounds.lessons import family_of, lessons_of
from jobshape.app.rounds.observing import Seen

LOG_BYTES = 1 << 18
ENDS_S = 1.0
"""Time for ends in one turn: a log takes some 10 ms to look into, a write to disk a few."""

OUTPUT_S = 20
"""How long output that is missing at a job's end is looked for."""

STALE_LOOK_S = 60
STALE_S = 600
"""A job whose output passes its check and whose log has been silent so long has done its work."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known at an end, before it is decided."""

    seen: Seen
    findings: Sequence[Finding]
    missing: tuple[str, ...]
    metrics: dict[str, float]
    is_checked: bool = False


class Outcomes:
    """Takes in what the site says of a campaign's jobs. room: what its nodes and limits allow."""

    def __init__(
        self, run: CampaignRun, backend: Backend, room: Callable[[], SiteRoom],
        rule_files: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._run, self._backend, self._room = run, backend, room
        self._rule_files = tuple(rule_files)
        self._unchained: set[int] = set()
        self._looked: dict[int, int] = {}  # trial -> when it was last seen whether it is stale

    def take(self, seen: Sequence[Seen], now: int) -> bool:
        """Keep it; whether anything changed."""
        going = [one for one in seen if not one.is_over]
        with self._run.store.transaction():  # one: a thousand tasks may start at once
            changed = any([self._note(one) for one in going])
        for one in going:
            changed |= self._goes_on(one, now)
        # What ends beyond these is seen again at the next turn.
        began = time.monotonic()
        for one in [one for one in seen if one.is_over]:
            if time.monotonic() - began > ENDS_S:
                break
            self._end(self._run.trials[one.attempt.trial], one, now)
            changed = True
        return changed

    def _note(self, seen: Seen) -> bool:
        """Keep how a job that goes on stands."""
        run, runs = self._run, phase_of(seen.job.state) is Phase.RUNNING
        changes: dict[str, Any] = {}
        if seen.attempt.state != seen.job.state:
            changes["state"] = seen.job.state
            if runs and seen.job.start_time:
                changes["started_at"] = seen.job.start_time
        if changes:
            self._set_attempt(seen.attempt, **changes)
        state: TrialState = "running" if runs else "sent"
        trial = run.trials[seen.attempt.trial]
        if trial.state not in (state, "stale"):
            run.set_trial(trial, state=state)
            return True
        return bool(changes)

    def _goes_on(self, seen: Seen, now: int) -> bool:
        """Cancel what waits or runs in vain."""
        run, trial = self._run, self._run.trials[seen.attempt.trial]
        if phase_of(seen.job.state) is not Phase.RUNNING:
            is_in_vain = seen.attempt.sending in run.chained and _is_in_vain(seen)
            return is_in_vain and self._unchain(seen)
        if now - self._looked.get(trial.id, 0) < STALE_LOOK_S:
            return False
        if trial.state == "stale":  # the runner was killed before it cancelled it, or in vain
            self._looked[trial.id] = now
            self._cancel(trial, seen, now)
        elif trial.state == "running" and self._is_stale(trial, seen, now):
            self._clean(trial, seen, now)
            return True
        return False

    def _unchain(self, seen: Seen) -> bool:
        """What it waits for has failed: it is cancelled, to be sent again later."""
        job_id = seen.attempt.job_id
        if job_id is None or job_id in self._unchained:
            return False
        try:
            self._backend.cancel(str(job_id))
        except BackendError:  # Slurm may have done it by itself: the next reading shows
            return False
        self._unchained.add(job_id)
        return True

    # --- stale ------------------------------------------------------------------------------

    def _is_stale(self, trial: Trial, seen: Seen, now: int) -> bool:
        """Whether its work is done though it is there: its output is complete, its log silent."""
        check = self._run.jobs[trial.number].output_check
        if trial.kind == "smoke" or check is None:
            return False
        self._looked[trial.id] = now
        since = seen.attempt.submitted_at or 0
        if not looks_done(check, self._run.folder, since, now=now, quiet_s=STALE_S):
            return False
        written_at = self._log_written_at(seen)
        return written_at is not None and now - written_at >= STALE_S

    def _log_written_at(self, seen: Seen) -> float | None:
        try:
            path = self._backend.log_paths(seen.attempt.job).stdout
            part = self._backend.read_log(path, 0, 1) if path else None
        except BackendError:
            return None
        return part.modified_at if part is not None and part.state == FOUND else None

    def _clean(self, trial: Trial, seen: Seen, now: int) -> None:
        self._run.set_trial(trial, state="stale", why="its output is there and its log is silent")
        self._run.tell(now, f"{trial.plan_id}: job {seen.attempt.job} is stale; it is cancelled")
        self._cancel(trial, seen, now)

    def _cancel(self, trial: Trial, seen: Seen, now: int) -> None:
        try:
            self._backend.cancel(seen.attempt.job)
        except BackendError as error:
            self._run.tell(now, f"{trial.plan_id}: cannot be cancelled: {error.what}")

    # --- the end ----------------------------------------------------------------------------

    def _end(self, trial: Trial, seen: Seen, now: int) -> None:
        run = self._run
        ending = self._look(trial, seen)
        if ending.missing and not seen.is_gone and now - (seen.job.end_time or now) < OUTPUT_S:
            return  # a network file system may show its output here a while later
        decided = self._decide(trial, ending, now)
        with run.store.transaction():
            self._keep(seen, decided, now)
            run.set_trial(
                trial, state=decided.state, why=decided.why, label=decided.label,
                due_at=decided.due_at, metrics=ending.metrics, checks=ending.missing,
                oom_times=trial.oom_times + (decided.state == "failed_oom"),
                memory_bytes=decided.memory_bytes or trial.memory_bytes,
                time_limit_s=decided.time_limit_s or trial.time_limit_s,
                exclude_nodes=decided.exclude_nodes or trial.exclude_nodes,
                smokes_failed=trial.smokes_failed
                + (trial.kind == "smoke" and decided.state != "completed"),
            )  # fmt: skip
            if trial.kind == "smoke" and decided.state == "completed":
                run.store.note_passed(run.campaign.site, trial.configuration, now)
            self._tell(trial, seen, decided, now)
            self._learn(run.trials[trial.id])
        self._looked.pop(trial.id, None)

    def _look(self, trial: Trial, seen: Seen) -> Ending:
        run, job = self._run, self._run.jobs[trial.number]
        since = seen.attempt.submitted_at or 0
        manifest = run.manifest
        wanted = [
            job.filled(one) for one in manifest.metrics if one.stage in (None, job.recipe.stage)
        ]
        is_done = phase_of(seen.job.state) is Phase.DONE or seen.is_gone or trial.state == "stale"
        findings: Sequence[Finding] = ()
        missing: tuple[str, ...] = ()
        metrics: dict[str, float] = {}
        if not is_done:
            try:
                findings = look_into(self._backend, [seen.job], self._rule_files)[0]
            except JobshapeError:
                findings = ()
            return Ending(seen, findings, missing, metrics)
        log = self._log(seen) if wanted or trial.kind == "smoke" else ""
        if wanted:
            metrics = read_metrics(wanted, run.folder, log, since=since)[0]
        if trial.kind == "smoke":
            said = job.filled(manifest.smoke_of(job.recipe.stage))
            own = [one for one in wanted if one.stage == job.recipe.stage]
            lines = judge_smoke(
                said, job.output_check, own, state="COMPLETED", folder=run.folder,
                submitted_at=since, log=log,
            )  # fmt: skip
            missing = tuple(f"{line.name}: {line.missing}" for line in lines if not line.holds)
            return Ending(seen, findings, missing, metrics, is_checked=len(lines) > 1)
        if job.output_check is None:
            return Ending(seen, findings, missing, metrics)
        missing = check_output(job.output_check, run.folder, since)
        return Ending(seen, findings, missing, metrics, is_checked=True)

    def _log(self, seen: Seen) -> str:
        try:
            path = self._backend.log_paths(seen.attempt.job).stdout
            part = self._backend.read_log(path, -LOG_BYTES, LOG_BYTES) if path else None
        except BackendError:
            return ""
        if part is None or part.state != FOUND:
            return ""
        return part.data.decode("utf-8", "replace")

    def _decide(self, trial: Trial, ending: Ending, now: int) -> Next:
        run, seen = self._run, ending.seen
        retry = run.manifest.retry_of(run.manifest_phase(trial.phase))
        terms = run.conditions.terms._replace(memory_percent=retry.memory_percent)
        most = retry.most
        if trial.kind == "smoke":
            terms = terms._replace(same_failures=2)  # two of the same class: a person is asked
        tries = run.attempts.get(trial.id, [])
        never_began = seen.job.state == "CANCELLED" and not _began(seen)
        if never_began and seen.attempt.sending in run.chained:
            return Next("pending", "what it waited for failed")
        # What others of its target met counts only where it failed.
        others = [] if phase_of(seen.job.state) is Phase.DONE else self._others(trial.target)
        grounds = Grounds(
            seen.job, seen.used, ending.findings, ending.missing,
            tuple(one.label for one in tries[trial.forgiven : -1] if one.label),
            run.shape_of(trial),
            [one for one in others if one.state == "COMPLETED"], sick_nodes(others), seen.is_gone,
            ending.is_checked,
        )  # fmt: skip
        rules = Rules(most, retry.delay_s, terms, self._room())
        return decide(trial, grounds, rules, now)

    def _learn(self, trial: Trial) -> None:
        """Keep what it taught; jobs of its target that were not sent yet profit from it."""
        run, tries = self._run, self._run.attempts.get(trial.id, [])
        script = run.jobs[trial.number].recipe.script
        name, family = run.campaign.name, family_of(trial, script)
        for lesson in lessons_of(trial, tries, campaign=name, family=family):
            run.store.learn(lesson)
        if trial.state != "completed" or not trial.memory_bytes or not self._is_typical(trial):
            return
        for other in list(run.full.values()):
            if (
                other.target == trial.target and other.state == "pending" and not other.attempts
                and (other.memory_bytes or 0) < trial.memory_bytes
            ):  # fmt: skip
                run.set_trial(other, memory_bytes=trial.memory_bytes)

    def _is_typical(self, trial: Trial) -> bool:
        """Whether most jobs of its target that ended ran out of memory first, as its smoke did."""
        alike = [
            one for one in self._run.trials.values()
            if one.target == trial.target and one.attempts and one.state == "completed"
        ]  # fmt: skip
        return sum(one.oom_times > 0 for one in alike) * 2 >= len(alike)

    def _others(self, target: str) -> list[Attempt]:
        """Attempts of a target that are over."""
        run = self._run
        return [
            one for trial, tries in run.attempts.items() if run.trials[trial].target == target
            for one in tries if one.is_over
        ]  # fmt: skip

    def _keep(self, seen: Seen, decided: Next, now: int) -> None:
        job, used = seen.job, seen.used
        self._set_attempt(
            seen.attempt, state=job.state or "GONE", started_at=job.start_time,
            ended_at=job.end_time or now,
            submitted_at=seen.attempt.submitted_at or job.submit_time,
            elapsed_s=used.elapsed_s if used else _elapsed(seen),
            max_rss_bytes=used.max_rss_bytes if used else None,
            total_cpu_s=used.total_cpu_s if used else None, cpus=job.cpus,
            memory_bytes=job.memory_bytes, gpus=job.gpus,
            gpu_percent=used.gpu_percent if used else None, node_list=job.node_list,
            label=decided.label, title=decided.title,
        )  # fmt: skip

    def _set_attempt(self, attempt: Attempt, **changes: Any) -> None:
        self._run.store.set_attempt(attempt.trial, attempt.number, **changes)
        tries = self._run.attempts[attempt.trial]
        tries[attempt.number - 1] = replace(tries[attempt.number - 1], **changes)

    def _tell(self, trial: Trial, seen: Seen, decided: Next, now: int) -> None:
        name = f"{trial.plan_id} (smoke)" if trial.kind == "smoke" else trial.plan_id
        if decided.state == "completed":
            if trial.kind == "smoke":
                self._run.tell(now, f"the smoke of {trial.target} passed")
            return
        again = decided.state in ("pending", "failed_oom")
        what = f"sent again in {max(0, decided.due_at - now)} s" if again else decided.state
        self._run.tell(now, f"{name}, job {seen.attempt.job}: {decided.why}; {what}")


def _is_in_vain(seen: Seen) -> bool:
    return seen.job.reason in ("DependencyNeverSatisfied", "Dependency never satisfied")


def _began(seen: Seen) -> bool:
    """Whether it ever ran: a job cancelled while it waited starts and ends at once, or never."""
    start, end = seen.job.start_time, seen.job.end_time
    return bool(seen.job.node_list) and start is not None and end is not None and end > start


def _elapsed(seen: Seen) -> int | None:
    job = seen.job
    if job.start_time is None or job.end_time is None:
        return None
    return max(0, job.end_time - job.start_time)
