"""Sends trials, each sending written down first, and finds out what became of unclear ones.

A crash between sending and writing, or an answer that never came, leaves a sending open. It is
closed by looking for its key at the site; nothing is sent again before it is sure that it never
arrived.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jobshape.app.backends.base import Backend, Scope
from jobshape.app.domain.action import SubmissionRecord, outcome_of
from jobshape.app.domain.errors import BackendError
from jobshape.app.domain.job import Job
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.rounds.array_script import (
    LOG_FOLDER,
    comment_of,
    fits,
    job_name,
    key_of,
    new_key,
    submission,
)
from jobshape.app.rounds.campaign import Sending
from jobshape.app.rounds.campaign_run import CampaignRun
from jobshape.app.rounds.dispatching import Parcel
from jobshape.app.rounds.observing import QueueIndex
from jobshape.app.scripts.draft import Project, record_of
from jobshape.app.settings.folders import make_private

SETTLE_S = 20
"""How old a sending has to be before it can be sure that it did not arrive, and for how long it has
to be missing in readings that the site answered after that."""

PURGED_S = 120
"""From this age on accounting is asked as well: the queue may have forgotten a job that ended."""

Kept = Callable[[SubmissionRecord], Callable[[int | None, BackendError | None], None]]
"""Keeps a submission in history before it is sent; gives what keeps its end."""


class Sender:
    """For one campaign. keep: writes into history; remote: sbatch runs on another machine."""

    def __init__(
        self, run: CampaignRun, backend: Backend, keep: Kept, project: Callable[[], Project],
        *, remote: bool = False,
    ) -> None:  # fmt: skip
        self._run, self._backend, self._keep, self._project = run, backend, keep, project
        self._settle_s = SETTLE_S * (6 if remote else 1)
        self._missing: dict[int, int] = {}  # sending -> since when it is missing
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
        request = submission(
            runs, name=name, comment=comment_of(run.campaign.name, first.stage, key),
            folder=run.campaign.folder, at_once=parcel.at_once, command=run.conditions.command,
        )  # fmt: skip
        sending = Sending(0, run.campaign.id, first.round or 0, key, name, now, "sending")
        number = run.store.begin_sending(sending, trials, now, tasks=len(trials) > 1)
        for trial in trials:
            run.reload(trial.id)
        self._submit(number, request, parcel, now)
        for trial in trials:
            run.reload(trial.id)

    def _submit(self, number: int, request: SubmitRequest, parcel: Parcel, now: int) -> None:
        run = self._run
        campaign, trial = run.campaign, parcel.trials[0]
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
                run.store.settle_sending(number, "refused", None, error.what)
                for one in parcel.trials:
                    run.reload(one.id)
                what = f"{trial.plan_id} was refused: {error.what}"
                run.ask(now, f"{what}. retry: try again; skip: leave out what failed; stop")
            return
        run.store.settle_sending(number, "sent", job_id)
        end(job_id, None)

    # --- what became of it ------------------------------------------------------------------

    def settle(self, queue: QueueIndex, now: int) -> bool:
        """Look for what is open; whether anything was settled."""
        settled = False
        for sending in self._run.store.open_sendings(self._run.campaign.id):
            job_id = self._find(sending, queue, now)
            if job_id is not None:
                self._run.store.settle_sending(sending.id, "sent", job_id)
                self._run.tell(now, f"found job {job_id}, whose submission got no answer")
            elif self._is_lost(sending, now):
                self._run.store.settle_sending(sending.id, "lost")
                self._run.tell(now, "a submission never arrived; it is made again")
            else:
                continue
            settled = True
            self._missing.pop(sending.id, None)
            for trial in list(self._run.trials.values()):
                if trial.state in ("sent", "pending"):
                    self._run.reload(trial.id)
        return settled

    def _find(self, sending: Sending, queue: QueueIndex, now: int) -> int | None:
        job = queue.by_key.get(sending.key) or queue.by_name.get(sending.name)
        if job is None and now - sending.at > PURGED_S:
            job = self._in_accounting(sending)
        return None if job is None else job.array_job_id or job.job_id

    def _in_accounting(self, sending: Sending) -> Job | None:
        entries = self._backend.accounting(Scope.MINE, max(0, sending.at - 60))
        for entry in entries:
            if key_of(entry.job.comment) == sending.key or entry.job.name == sending.name:
                return entry.job
        return None

    def _is_lost(self, sending: Sending, now: int) -> bool:
        if now - sending.at < self._settle_s or is_being_sent(sending.key):
            self._missing.pop(sending.id, None)
            return False
        since = self._missing.setdefault(sending.id, now)
        return now - since >= self._settle_s


def is_being_sent(key: str) -> bool:
    """Whether a process of this user, left by a runner that was killed, still names the key."""
    wanted, own = key.encode(), os.getpid()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == own:
            continue
        with suppress(OSError):
            if folder.stat().st_uid == os.getuid() and wanted in (folder / "cmdline").read_bytes():
                return True
    return False
