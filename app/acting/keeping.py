"""The record of submissions that no screen makes: before each is sent, and what came back."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobshape.app.domain.action import SubmissionRecord, outcome_of
from jobshape.app.domain.errors import BackendError, JobshapeError
from jobshape.app.history.history import History
from jobshape.app.history.place import FILE_NAME
from jobshape.app.settings.folders import state_folder
from jobshape.app.settings.values import Settings


class Keeper:
    """Writes submissions to an open history; one that cannot be written stops nothing.

    ``note``: why something is not kept; "" where all is.
    """

    def __init__(self, history: History | None, site: str, note: str = "") -> None:
        self._history = history
        self._site = site
        self._user = pwd.getpwuid(os.getuid()).pw_name
        self.note = note

    @property
    def said(self) -> str:
        """Why something is not kept, behind another sentence."""
        return f"; not kept in history: {self.note}" if self.note else ""

    def begin(self, record: SubmissionRecord) -> int | None:
        """Keep what will be sent now; it is on disk when this returns. None: it is not kept."""
        if self._history is None:
            return None
        try:
            return self._history.begin_submission(self._site, self._user, record)
        except JobshapeError as trouble:
            self.note = trouble.what
            return None

    def end(
        self, kept: int | None, job_id: int | None, error: BackendError | None = None, *,
        campaign: str = "",
    ) -> None:  # fmt: skip
        """What became of it: the job, and the campaign that it is of; or the error."""
        if self._history is None or kept is None:
            return
        outcome = "done" if error is None else outcome_of(error)
        try:
            words = "" if error is None else error.what
            self._history.end_submission(kept, job_id, outcome, words)
            if campaign and job_id is not None:
                self._history.record_origin(self._site, job_id, campaign=campaign)
        except JobshapeError as trouble:
            self.note = trouble.what


@contextmanager
def keeper(settings: Settings, site: str, folder: Path | None = None) -> Iterator[Keeper]:
    """The history to keep submissions in. folder: where it lies; None: in the state folder."""
    if not settings.history.enabled:
        yield Keeper(None, site, "the history is switched off")
        return
    try:
        history = History.to_write((folder or state_folder()) / FILE_NAME)
    except JobshapeError as error:
        yield Keeper(None, site, error.what)
        return
    with history:
        yield Keeper(history, site)
