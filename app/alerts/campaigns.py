"""Beside the app: alerts of campaigns that ask, and a process for those that nobody runs."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from jobshape.app.alerts.keeper import AlertKeeper
from jobshape.app.domain.alert import CAMPAIGN, Alert
from jobshape.app.domain.campaigns import CampaignLine
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.finding import HIGH

LOOK_S = 5.0
TITLE_LETTERS = 60


class Campaigns(Protocol):
    """What is asked of the campaigns. All raise a JobshapeError."""

    async def revision(self) -> int:
        """Another number once something has changed."""
        ...

    async def asking(self) -> list[CampaignLine]:
        """Campaigns that wait for an answer."""
        ...

    async def keep_running(self) -> list[str]:
        """Start what runs the campaigns of this site, where nobody does."""
        ...


class CampaignWatch:
    """Runs beside the app. tell: is given what could not be started."""

    def __init__(
        self, campaigns: Campaigns, keeper: AlertKeeper, tell: Callable[[str], None], *,
        read_only: bool,
    ) -> None:  # fmt: skip
        self._campaigns, self._keeper, self._tell = campaigns, keeper, tell
        self._read_only = read_only
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; inside the running loop."""
        works = [self._look] if self._read_only else [self._look, self._keep_running]
        self._tasks = [asyncio.create_task(work()) for work in works]

    def stop(self) -> None:
        """No more of it."""
        for task in self._tasks:
            task.cancel()

    async def _keep_running(self) -> None:
        try:
            await self._campaigns.keep_running()
        except JobshapeError as error:
            self._tell(f"the campaigns go on later: {error}")
        except Exception:
            logging.getLogger(__name__).exception("campaigns are not run")

    async def _look(self) -> None:
        seen: int | None = None
        while True:
            with suppress(JobshapeError):  # the screen of the rounds says what is wrong
                revision = await self._campaigns.revision()
                if revision != seen:
                    seen = revision
                    self._keeper.of_campaigns = alerts_of(await self._campaigns.asking())
            await asyncio.sleep(LOOK_S)


def alerts_of(asking: Iterable[CampaignLine]) -> Sequence[Alert]:
    """One for each question."""
    return tuple(_alert(line) for line in asking)


def _alert(line: CampaignLine) -> Alert:
    short = line.question
    if len(short) > TITLE_LETTERS:
        short = f"{short[: TITLE_LETTERS - 1].rstrip()}…"
    return Alert(
        f"campaign:{line.key}:{line.question}", HIGH, CAMPAIGN, f"campaign asks: {short}",
        line.question, "Answer it: Enter, then y.", 0, f"#{line.key}", line.name,
        line.created_at,
    )  # fmt: skip
