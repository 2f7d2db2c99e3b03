"""Sends trials, each sending written down first, and finds out what became of unclear ones.

A crash between sending and writing, or an answer that never came, leaves a sending open. It is
closed by looking for its key at the site; nothing is sent again before it is sure that it never
arrived.
"""

from collections.abc import Callable, Sequence

from jobshape.app.backends.base import Backend
from jobshape.app.domain.action import SubmissionRecord, outcome_of
from jobshape.app.domain.errors import BackendError, BadRequest
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.rounds.array_script import (
    LOG_FOLDER,
    comment_of,
    fits,
    job_name,
    new_key,
    submission,
)
from jobshape.app.rounds.campaign import Sending, Trial
from jobshape.app.rounds.campaign_run import CampaignRun
from jobshape.app.rounds.dispatching import Parcel
from jobshape.app.rounds.observing import QueueIndex
from jobshape.app.rounds.settling import NotSure, Search
from jobshape.app.scripts.draft import Project, record_of
from jobshape.app.settings.folders import make_private

Kept = Callable[[SubmissionRecord], Callable[[int | None, BackendError | None], None]]
"""Keeps a submission in history before it is sent; gives what keeps its end."""


class Sender:
    """For one campaign. keep: writes into history; remote: sbatch runs on another machine."""

    def __init__(
        self, run: CampaignRun, backend: Backend, keep: Kept, project: Callable[[], Project],
        *, remote: bool = False,
    ) -> None:  # fmt: skip
        self._run, self._backend, self._keep, self._project = run, backend, keep, project
        self._search = Search(backend, remote=remote)
        self.cancelled: set[int] = set()

    @property
    def unsettled(self) -> bool:
        """Whether it is open what became of a sending."""
        return bool(self._run.store.open_sendings(self._run.campaign.id))

    # --- sending ----------------------------------------------------------------------------

    def send(self, parcel: Parcel, now: int) -> None:
        """Send it; what does not fit into one script waits for the next turn."""
        run, count = self._run, fits(parcel.runs)
        trials, runs = parcel.trials[:count], parcel.runs[:count]
        first = trials[0]
        key = new_key()
        name = job_name(run.campaign.name, first.phase, key)
        make_private(run.folder / LOG_FOLDER)
        try:
            request = submission(
                runs, name=name, comment=comment_of(run.campaign.name, first.stage, key),
                folder=run.campaign.folder, at_once=parcel.at_once, after=parcel.after,
                command=run.conditions.command,
            )  # fmt: skip
        except BadRequest as error:
            self._stop_to_ask(trials, f"{first.plan_id} cannot be sent: {error.words}", now)
            return
        sending = Sending(
            0, run.campaign.id, first.round or 0, key, name, now, "sending",
            after=",".join(map(str, parcel.after)),
        )  # fmt: skip
        number = run.store.begin_sending(sending, trials, now, tasks=len(trials) > 1)
        if parcel.after:
            run.chained.add(number)
        for trial in trials:
            run.reload(trial.id)
        self._submit(number, request, trials, now)
        for trial in trials:
            run.reload(trial.id)

    def _submit(
        self, number: int, request: SubmitRequest, trials: Sequence[Trial], now: int
    ) -> None:
        run = self._run
        campaign, trial = run.campaign, trials[0]
        path = str(run.folder / script) if (script := run.jobs[trial.number].recipe.script) else ""
        record = record_of(
            request, self._project(), path=path,
            reason=f"campaign {campaign.name} {campaign.id}, round {trial.round}",
        )  # fmt: skip
        end = self._keep(record)
        try:
            job_id = self._backend.submit(request)
        except BackendError as error:
            end(None, error)
            if outcome_of(error) == "unknown":
                run.store.settle_sending(number, "unknown", None, error.what)
                run.tell(now, f"no clear answer to a submission: {error.what}; it is looked for")
            else:
                with run.store.transaction():
                    run.store.settle_sending(number, "refused", None, error.what)
                    self._stop_to_ask(trials, f"{trial.plan_id} was refused: {error.what}", now)
            return
        run.store.settle_sending(number, "sent", job_id)
        end(job_id, None)

    def _stop_to_ask(self, trials: Sequence[Trial], what: str, now: int) -> None:
        """Only a person can go on with these."""
        run = self._run
        for trial in trials:
            run.reload(trial.id)
            run.set_trial(run.trials[trial.id], state="stuck", why=what)
        run.ask(now, f"{what}. retry: try again; skip: leave out what failed; stop")

    # --- what became of it ------------------------------------------------------------------

    def settle(self, queue: QueueIndex, now: int) -> bool:
        """Look for what is open; whether anything was settled."""
        settled = False
        for sending in self._run.store.open_sendings(self._run.campaign.id):
            found = self._search.look(sending, queue, now)
            if found is None:
                self._run.store.settle_sending(sending.id, "lost")
                self._run.tell(now, "a submission never arrived; it is made again")
            elif not isinstance(found, NotSure):
                self._run.store.settle_sending(sending.id, "sent", found)
                self._run.tell(now, f"found job {found}, whose submission got no answer")
            elif found.is_final:
                self._give_up(sending, found.why, now)
            else:
                continue
            settled = True
            for trial in list(self._run.trials.values()):
                if trial.state in ("sent", "pending"):
                    self._run.reload(trial.id)
        return settled

    def _give_up(self, sending: Sending, why: str, now: int) -> None:
        run = self._run
        trials = [run.trials[number] for number, attempts in run.attempts.items()
                  if any(one.sending == sending.id for one in attempts)]  # fmt: skip
        what = f"nobody can tell whether {sending.name} ran: {why}; look at its output"
        with run.store.transaction():
            run.store.settle_sending(sending.id, "lost", words=why)
            self._stop_to_ask(trials, what, now)
