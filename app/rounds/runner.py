"""Runs the campaigns of a site, one turn after the other; a kill between two steps costs nothing.

A turn does what persons wish, reads the queue once for all campaigns, takes in what ended, opens
and closes rounds, and sends what is due.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from jobshape.app.backends.base import Backend, Scope
from jobshape.app.domain.cost import Prices
from jobshape.app.domain.errors import BackendError, JobshapeError
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.resubmit.correcting import SiteRoom
from jobshape.app.rounds.campaign import GO_ON, LOOK_AGAIN, Campaign, Trial
from jobshape.app.rounds.campaign_run import CampaignRun, Conditions
from jobshape.app.rounds.dispatching import Dispatcher, Parcel
from jobshape.app.rounds.observing import Observer, QueueIndex
from jobshape.app.rounds.outcomes import Outcomes
from jobshape.app.rounds.round_keeping import BAD, Preflight, RoundKeeper
from jobshape.app.rounds.sending import Sender
from jobshape.app.rounds.store import RoundsTrouble, Store, Wish

LIVE = ("active", "asking", "paused", "stopping")
WAKE_S = 0.5
"""How often it is looked whether anybody wishes something."""

REST_TIMES = 30.0
"""At least so many times the CPU of a turn passes before the next: 3 % of a core at most."""

ROOM_S = 600.0
QUIET_S = 120.0
AFTER_TROUBLE_S = 10.0
AFTER_MISTAKE_S = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two turns: while things move, and when nothing does."""

    quickest_s: float = 5.0
    slowest_s: float = 30.0


@dataclass(slots=True)
class _Parts:
    """What works on one campaign."""

    run: CampaignRun
    outcomes: Outcomes
    keeper: RoundKeeper
    dispatcher: Dispatcher
    sender: Sender


@dataclass(slots=True)
class Means:
    """What a runner works with. make_sender: for the sender of a campaign."""

    backend: Backend
    site: str
    conditions: Conditions
    preflight: Preflight
    make_sender: Callable[[CampaignRun], Sender]
    prices: Prices = field(default_factory=Prices)
    rule_files: Sequence[str] = ()
    pace: Pace = field(default_factory=Pace)
    clock: Callable[[], float] = time.time
    alive: Callable[[], None] = lambda: None  # called at each turn


class Runner:
    """Of one site; there is never a second one (its process holds a lock)."""

    def __init__(self, store: Store, means: Means) -> None:
        self._store, self._means = store, means
        self._parts: dict[int, _Parts] = {}
        self._rests: dict[int, float] = {}  # campaign -> until when it is left alone
        self._observer = Observer(means.backend)
        self._room_known: tuple[float, SiteRoom] | None = None
        self._moved_at = means.clock()
        self.trouble = ""

    def run(self) -> None:
        """Until no campaign has anything left to do."""
        while True:
            before, began = self._store.revision, time.process_time()
            self.turn()
            if self.is_idle:
                return
            self._rest(before, (time.process_time() - began) * REST_TIMES)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to wait for: what is paused or asks needs no process."""
        if self._store.wishes(self._means.site):
            return False
        return not any(
            parts.run.campaign.state in ("active", "stopping") or parts.run.open_attempts
            for parts in self._parts.values()
        )

    def _rest(self, before: int, least_s: float) -> None:
        """Until it is time, or somebody has written something since that revision."""
        pace = self._means.pace
        quiet = self._means.clock() - self._moved_at > QUIET_S
        rest_s = max(least_s, pace.slowest_s if quiet else pace.quickest_s)
        until = time.monotonic() + rest_s
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(WAKE_S, left))
            if self._store.revision != before:
                return

    # --- a turn -----------------------------------------------------------------------------

    def turn(self) -> None:
        """Everything once."""
        now = int(self._means.clock())
        self._means.alive()
        self._take_in_campaigns(now)
        for wish in self._store.wishes(self._means.site):
            self._do(wish, now)
        queue = self._read_queue()
        for parts in list(self._parts.values()):
            if self._rests.get(parts.run.campaign.id, 0.0) > now:
                continue
            try:
                self._advance(parts, queue, now)
            except BackendError as error:
                self._rest_campaign(parts, now, AFTER_TROUBLE_S, f"tried again soon: {error}")
            except JobshapeError as error:
                self._rest_campaign(
                    parts, now, AFTER_TROUBLE_S, f"tried again soon: {error}", anew=True
                )
            except Exception as error:  # of one campaign; the others go on
                logging.getLogger(__name__).exception("campaign %s", parts.run.campaign.id)
                what = f"a mistake in jobshape: {type(error).__name__}: {error}"
                self._rest_campaign(parts, now, AFTER_MISTAKE_S, what, anew=True)

    def _rest_campaign(
        self, parts: _Parts, now: int, rest_s: float, what: str, *, anew: bool = False
    ) -> None:
        """Leave a campaign alone for a while.

        anew: what was to be written may be in memory only, so it is read from disk again.
        """
        number = parts.run.campaign.id
        self._rests[number] = now + rest_s
        if anew:
            self._parts.pop(number, None)
        with suppress(RoundsTrouble):  # the disk may be full
            parts.run.tell(now, what)

    def _take_in_campaigns(self, now: int) -> None:
        known = {one.id: one for one in self._store.campaigns(LIVE, self._means.site)}
        for number in [number for number in self._parts if number not in known]:
            del self._parts[number]
        for number, campaign in known.items():
            if number not in self._parts:
                try:
                    self._parts[number] = self._make(campaign)
                except (JobshapeError, OSError) as error:
                    self._store.set_campaign(number, state="stopped", ended_at=now)
                    self._store.tell(number, now, f"cannot go on: {error}")

    def _make(self, campaign: Campaign) -> _Parts:
        means = self._means
        run = CampaignRun(self._store, campaign, means.conditions)
        return _Parts(
            run, Outcomes(run, means.backend, self._room, means.rule_files),
            RoundKeeper(run, means.preflight), Dispatcher(run, means.prices),
            means.make_sender(run),
        )  # fmt: skip

    def _read_queue(self) -> QueueIndex | None:
        """The queue, if anybody waits for something in it; None: not needed, or no answer."""
        if not any(one.run.open_attempts or one.sender.unsettled for one in self._parts.values()):
            return QueueIndex(())
        try:
            reading = self._means.backend.queue(Scope.MINE)
        except BackendError as error:
            self.trouble = error.what
            return None
        self.trouble = ""
        return QueueIndex(reading.jobs, len(reading.unread))

    def _advance(self, parts: _Parts, queue: QueueIndex | None, now: int) -> None:
        run = parts.run
        if queue is not None:
            moved = parts.sender.settle(queue, now)
            seen = self._observer.look(run.open_attempts, queue, now)
            moved |= parts.outcomes.take(seen, now)
            if moved:
                self._moved_at = self._means.clock()
        if run.campaign.state == "stopping":
            self._stop(parts, now)
        if run.campaign.state == "active":
            parts.keeper.turn(now)
            for parcel in parts.dispatcher.parcels(now):
                self._send(parts, parcel, now)

    def _send(self, parts: _Parts, parcel: Parcel, now: int) -> None:
        self._moved_at = self._means.clock()
        parts.sender.send(parcel, now)

    def _room(self) -> SiteRoom:
        """What nodes and limits allow; as good as nothing where the site does not say."""
        now = time.monotonic()
        if self._room_known is None or now - self._room_known[0] > ROOM_S:
            backend = self._means.backend
            try:
                room = SiteRoom(tuple(backend.nodes()), backend.limits())
            except BackendError:
                room = SiteRoom((), SiteLimits())
            self._room_known = (now, room)
        return self._room_known[1]

    # --- wishes -----------------------------------------------------------------------------

    def _do(self, wish: Wish, now: int) -> None:
        parts = self._parts.get(wish.campaign)
        with self._store.transaction():
            if parts is not None:
                self._carry_out(parts.run, wish, now)
            self._store.forget_wish(wish.id)
        if parts is not None:
            self._rests.pop(wish.campaign, None)

    def _carry_out(self, run: CampaignRun, wish: Wish, now: int) -> None:
        state = run.campaign.state
        if wish.what == "pause" and state in ("active", "asking"):
            run.set_campaign(state="paused")
            run.tell(now, "paused: nothing more is sent; jobs on the way go on")
        elif wish.what == "resume" and state == "paused":
            run.set_campaign(state="active", question="")
            run.tell(now, "goes on")
        elif wish.what == "stop" and state != "stopping":
            run.set_campaign(state="stopping", question="")
            run.tell(now, "stopping: its jobs are cancelled")
        elif wish.what in ("retry", "skip") and state == "asking":
            question = run.campaign.question
            if not question.endswith((GO_ON, LOOK_AGAIN)):
                for trial in [one for one in run.trials.values() if one.state in BAD]:
                    _answer(run, trial, wish.what, now)
            let_pass = question.endswith(GO_ON) and wish.what == "retry"
            run.set_campaign(
                state="active", question="", budget_asked=run.campaign.budget_asked or let_pass
            )
            run.tell(now, f"goes on: {wish.what}")

    def _stop(self, parts: _Parts, now: int) -> None:
        run, trouble = parts.run, None
        for job_id in dict.fromkeys(one.job_id for one in run.open_attempts):
            if job_id is not None and job_id not in parts.sender.cancelled:
                try:
                    self._means.backend.cancel(str(job_id))
                except BackendError as error:  # of one job; the others are cancelled all the same
                    trouble = error
                else:
                    parts.sender.cancelled.add(job_id)
        if trouble is not None:
            raise trouble
        if not run.open_attempts and not parts.sender.unsettled:
            run.set_campaign(state="stopped", ended_at=now)
            run.tell(now, "stopped")


def _answer(run: CampaignRun, trial: Trial, answer: str, now: int) -> None:
    """What a person decided of a trial that failed."""
    if answer == "skip":
        if trial.kind == "smoke":
            run.store.note_passed(run.campaign.site, trial.configuration, now)
            run.set_trial(trial, state="completed", why="let pass by a person")
        else:
            run.set_trial(trial, state="left_out", why=f"left out by a person: {trial.why}")
        return
    is_of_open_round = run.round is not None and trial.round == run.round.number
    run.set_trial(
        trial, state="pending", label="", due_at=0, forgiven=trial.attempts,
        configuration=run.configuration_of(trial.target, trial.number)
        if trial.kind == "smoke" else trial.configuration,
        round=trial.round if is_of_open_round else None,
    )  # fmt: skip
