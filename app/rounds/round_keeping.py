"""Opens and closes the rounds of a campaign, and stops to ask where a person has to decide."""

from collections.abc import Callable, Sequence
from typing import Protocol

from jobshape.app.domain.check import CheckLine, blocking
from jobshape.app.domain.errors import OutputError
from jobshape.app.domain.finding import UNKNOWN
from jobshape.app.rounds.campaign import LOOK_AGAIN, SETTLED, GateLine, Round, Trial
from jobshape.app.rounds.campaign_run import CampaignRun
from jobshape.app.rounds.choosing import RoundPlan, SmokeFirst, next_round
from jobshape.app.rounds.conditions import check_preconditions
from jobshape.app.rounds.evidence import compare
from jobshape.app.rounds.lessons import LOG_PLACE, append_log
from jobshape.app.rounds.workload import is_settled

Preflight = Callable[[CampaignRun, int], Sequence[CheckLine]]
"""What speaks against sending a job of this number."""


class Judged(Protocol):
    """As much of a trial as a gate is judged by."""

    @property
    def kind(self) -> str:
        """smoke or full."""
        ...

    @property
    def state(self) -> str:
        """As of a trial."""
        ...

    @property
    def target(self) -> str:
        """What it is one of."""
        ...

    @property
    def why(self) -> str:
        """Why it is stuck, failed or left out."""
        ...


ALL_EVIDENCE = "all evidence"
ANSWERS = "retry: try again; skip: leave out what failed; stop"
BAD = ("failed_other", "stuck")


class RoundKeeper:
    """For one campaign. preflight: the checks before a submission, with the site asked."""

    def __init__(self, run: CampaignRun, preflight: Preflight) -> None:
        self._run, self._preflight = run, preflight
        self._checked: set[int] = set()

    def turn(self, now: int) -> None:
        """Close the open round if all its evidence is there; open the next one."""
        run = self._run
        if run.campaign.state != "active":
            return
        current = run.round
        if current is not None:
            self._release(current)
            self._renew(current, now)
            if not self._may_close(current, now):
                return
            self._close(current, now)
        if run.campaign.state == "active":
            self._open(now)

    def _release(self, current: Round) -> None:
        """Take jobs out of a round that cannot begin in it: what their phase waits for failed."""
        run, known = self._run, self._run.known()
        members = run.members(current.number)
        closed: set[str] = set()
        for phase in run.phases:
            if is_settled(phase, known):
                continue
            own = [one for one in members if one.phase == phase.name and one.kind == "full"]
            if not own:
                continue
            if closed.intersection(phase.depends_on):
                closed.add(phase.name)
                with run.store.transaction():
                    for trial in own:
                        if trial.state == "pending":  # maybe sent ahead, in vain
                            run.set_trial(trial, round=None)
            elif all(trial.state in SETTLED for trial in own):
                closed.add(phase.name)

    def _renew(self, current: Round, now: int) -> None:
        """Run short again what has changed since the round was opened: the rest of it waits."""
        run, known = self._run, self._run.known()
        if run.conditions.smoke == "off":
            return
        members = run.members(current.number)
        short = {trial.target for trial in members if trial.kind == "smoke"}
        waits = {
            trial.target: trial.phase
            for trial in members
            if trial.state in ("pending", "failed_oom") and trial.target not in short
        }
        if not waits:
            return
        settled = {phase.name for phase in run.phases if is_settled(phase, known)}
        for target, phase in waits.items():
            number = run.representatives[target]
            is_open = settled.issuperset(run.phase_of[phase].depends_on)
            if is_open and not run.is_passed(target, number):
                with run.store.transaction():
                    run.add_smoke(target, number, current.number)
                    run.tell(now, f"{target} has changed: it runs short before the rest is sent")

    # --- closing ----------------------------------------------------------------------------

    def _may_close(self, current: Round, now: int) -> bool:
        members = self._run.members(current.number)
        for trial in members:
            if trial.state in BAD and trial.label == UNKNOWN:
                self._run.ask(now, f"{_name(trial)}: {trial.why or 'it failed'}, and nobody knows"
                                   f" why. {ANSWERS}")  # fmt: skip
                return False
            if trial.kind == "smoke" and trial.state in BAD:
                self._run.ask(now, f"{_name(trial)} failed: {trial.why}. {ANSWERS}")
                return False
        return all(trial.state in SETTLED for trial in members)

    def _close(self, current: Round, now: int) -> None:
        run = self._run
        members = run.members(current.number)
        gate = gate_of(members, run.manifest.rounds.stable)
        passed = all(line.holds for line in gate)
        outcome = _outcome(members)
        with run.store.transaction():
            run.store.close_round(
                run.campaign.id, current.number, "passed" if passed else "failed", outcome, gate,
                now,
            )  # fmt: skip
            run.tell(now, f"round {current.number} {'passed' if passed else 'failed'}: {outcome}")
        run.read_rounds()

    # --- opening ----------------------------------------------------------------------------

    def _open(self, now: int) -> None:
        run = self._run
        number = max(run.rounds, default=-1) + 1
        plan = next_round(
            run.phases, run.known(), run.manifest.rounds, number=number, passed=run.passed(),
            compare=compare, not_ready=self._not_ready() if number == 0 else (),
        )  # fmt: skip
        if number == 0 and not self._looked_at(now):
            return
        with run.store.transaction():
            for one in plan.left_out:
                run.set_trial(run.full[one.number], state="left_out", why=one.why)
            for note in plan.notes:
                run.tell(now, note)
        if plan.is_finished:
            self._finish(plan, now)
            return
        chosen = [run.full[job] for job in plan.numbers]
        with run.store.transaction():
            new = Round(run.campaign.id, plan.number, plan.hypothesis, "open", now)
            run.store.open_round(new, [trial.id for trial in chosen])
            for trial in chosen:
                run.reload(trial.id)
            for smoke in _smokes(plan):
                self._smoke(smoke, plan.number)
            run.tell(now, f"round {plan.number}: {plan.hypothesis}")
        run.read_rounds()

    def _smoke(self, smoke: SmokeFirst, number: int) -> None:
        self._run.add_smoke(smoke.target, smoke.number, number)

    def _finish(self, plan: RoundPlan, now: int) -> None:
        run = self._run
        failed = [trial for trial in run.full.values() if trial.state in BAD]
        stuck = [trial for trial in failed if trial.state == "stuck"]
        if stuck and not plan.blocked:
            shown = "; ".join(f"{one.plan_id}: {one.why}" for one in stuck[:3])
            run.ask(now, f"{len(stuck):,} jobs need a person: {shown}. {ANSWERS}")
            return
        if plan.blocked:
            shown = ", ".join(f"{one.plan_id}: {one.why}" for one in failed[:3])
            run.ask(now, f"{'; '.join(plan.blocked)}. {shown}. {ANSWERS}")
            return
        done = sum(trial.state == "completed" for trial in run.full.values())
        left = sum(trial.state == "left_out" for trial in run.full.values())
        said = f"finished: {done:,} of {len(run.jobs):,} completed"
        said += f", {left:,} not needed" if left else ""
        said += f", {len(failed):,} failed" if failed else ""
        with run.store.transaction():
            run.set_campaign(state="finished", ended_at=now)
            run.tell(now, said)
        if run.manifest.rounds.keep_lessons:
            self._log_lessons(now)

    def _log_lessons(self, now: int) -> None:
        run = self._run
        lessons = [one for one in run.store.lessons(campaign=run.campaign.name)
                   if one.at >= run.campaign.created_at]  # fmt: skip
        try:
            logged = append_log(run.folder, lessons) if lessons else None
        except OutputError as error:
            run.tell(now, f"what was learned is not in the project's log: {error}")
            return
        if logged is not None and logged.added:
            run.tell(now, f"{logged.added} lines were added to {LOG_PLACE}")

    def _looked_at(self, now: int) -> bool:
        """The pre-flight of each target; whether nothing blocks."""
        for target, number in self._run.representatives.items():
            if number in self._checked:
                continue
            try:
                lines = blocking(self._preflight(self._run, number))
            except OSError as error:
                self._run.ask(now, f"the pre-flight of {target}: {_told(error)}. {LOOK_AGAIN}")
                return False
            if lines:
                told = "; ".join(f"{line.title} ({line.rule})" for line in lines[:3])
                self._run.ask(now, f"the pre-flight of {target} blocks: {told}. "
                                   f"{LOOK_AGAIN}")  # fmt: skip
                return False
            self._checked.add(number)
        return True

    def _not_ready(self) -> list[str]:
        run = self._run
        found = []
        for target, number in run.representatives.items():
            conditions = run.jobs[number].preconditions
            if conditions and check_preconditions(conditions, run.folder):
                found.append(target)
        return found


def gate_of(members: Sequence[Judged], stable: float) -> tuple[GateLine, ...]:
    """The gate after a round: what has to hold for going on, and what is missing."""
    left = [trial for trial in members if trial.state not in SETTLED]
    lines = [GateLine(ALL_EVIDENCE, not left, f"{len(left):,} jobs have not ended")]
    targets: dict[str, list[Judged]] = {}
    for trial in members:
        targets.setdefault(trial.target, []).append(trial)
    for target, some in targets.items():
        smokes = [trial for trial in some if trial.kind == "smoke"]
        if smokes:
            last = smokes[-1]
            missing = "" if last.state == "completed" else last.why or last.state
            lines.append(GateLine(f"smoke of {target}", _holds(last), missing))
        full = [trial for trial in some if trial.kind == "full"]
        failed = sum(trial.state in BAD for trial in full)
        if full:
            holds: bool | None = failed <= stable * len(full)
            if holds and any(trial.state not in SETTLED for trial in full):
                holds = None
            lines.append(
                GateLine(f"{target} is stable", holds, f"{failed:,} of {len(full):,} failed")
            )
    return tuple(
        line._replace(missing="") if line.holds else line for line in lines
    )  # fmt: skip


def _holds(smoke: Judged) -> bool | None:
    if smoke.state == "completed":
        return True
    return False if smoke.state in SETTLED else None


def _smokes(plan: RoundPlan) -> list[SmokeFirst]:
    return [*plan.smokes, *(smoke for phase in plan.phases for smoke in phase.smokes)]


def _outcome(members: Sequence[Trial]) -> str:
    count = {state: sum(one.state == state for one in members) for state in
             ("completed", "failed_other", "stuck", "left_out")}  # fmt: skip
    words = [f"{count['completed']:,} of {len(members):,} completed"]
    bad = count["failed_other"] + count["stuck"]
    words += [f"{bad:,} failed"] if bad else []
    words += [f"{count['left_out']:,} left out"] if count["left_out"] else []
    return ", ".join(words)


def _told(error: OSError) -> str:
    return f"{error.filename or 'a file'}: {error.strerror or error}"


def _name(trial: Trial) -> str:
    return f"the smoke of {trial.target}" if trial.kind == "smoke" else trial.plan_id
