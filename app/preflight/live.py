"""The pre-flight beside a running app: the collector asks the site, a thread looks at the disks."""

import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobshape.app.acting.beside import beside
from jobshape.app.board.board import Board
from jobshape.app.domain.check import CheckLine
from jobshape.app.domain.errors import BackendError, JobshapeError
from jobshape.app.domain.site_facts import SiteFacts
from jobshape.app.preflight.examine import examine, lift
from jobshape.app.preflight.gather import join_facts
from jobshape.app.preflight.place import Place
from jobshape.app.preflight.subject import Subject, subject_of
from jobshape.app.scripts.draft import Draft
from jobshape.app.settings.values import Settings

PATIENCE_S = 20.0
Call = Callable[..., Awaitable[Any]]


class LivePreflight:
    """Looks at drafts for the screens. Raises JobshapeError where nothing can be looked at."""

    def __init__(self, settings: Settings, place: Place, board: Board, call: Call) -> None:
        self._settings = settings
        self._place = place
        self._board = board
        self._call = call

    async def examine(
        self, draft: Draft, ahead: int = 0, replaced: Collection[int] = ()
    ) -> Sequence[CheckLine]:
        """What each rule says of it.

        ahead: how many of the same plan go before it; replaced: jobs that end once it is sent.
        """
        try:
            folder = "" if self._place.ssh else os.getcwd()  # noqa: PTH109
        except OSError as error:
            raise JobshapeError("the working folder is gone", hint="cd to one") from error
        request = draft.request
        subject = subject_of(
            request.script, path=draft.path, request=request, work_dir=folder,
            environment=self._place.environment(os.environ),
        )  # fmt: skip
        asked, trouble = await self._ask(subject)
        state = self._board.history

        def work() -> Sequence[CheckLine]:
            facts = join_facts(
                self._settings, self._place, subject, asked, trouble,
                history=Path(state.path) if state.path else None, site=state.site,
            )  # fmt: skip
            return examine(
                subject, replace(facts, ahead=ahead, replaced=frozenset(replaced)),
                self._settings.policy,
            )  # fmt: skip

        return await beside(work, "the file system", PATIENCE_S)

    def lift(self, lines: Sequence[CheckLine], reasons: Mapping[str, str]) -> Sequence[CheckLine]:
        """The lines with these blocks lifted, as far as policy allows. Raises BadRequest."""
        return lift(lines, reasons, self._settings.policy)

    async def _ask(self, subject: Subject) -> tuple[SiteFacts | None, str]:
        try:
            found = await self._call("preflight_facts", request=subject.request, name=subject.name)
        except BackendError as error:
            return None, error.what
        return found, ""
