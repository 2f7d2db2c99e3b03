"""The keys that change a campaign: start, pause, resume, stop, answer; and its report."""

from typing import TYPE_CHECKING

from jobshape.app.domain.campaigns import WISHES, CampaignLine
from jobshape.app.domain.errors import JobshapeError
from jobshape.screens.question import QuestionScreen

if TYPE_CHECKING:
    from jobshape.screens.room import Room

    Base = Room
else:
    Base = object

PAST = {"pause": "paused", "resume": "resumed", "stop": "stopped", "retry": "tried again",
        "skip": "skipped"}  # fmt: skip


class Steering(Base):
    """Mixed into the rounds screen, which says which campaign is meant."""

    @property
    def campaign(self) -> CampaignLine | None:
        """The one that keys act on."""
        raise NotImplementedError

    def read(self, *, only_if_newer: bool = False) -> None:
        """Read what is shown anew."""
        raise NotImplementedError

    def do_smoke(self) -> None:
        """Start one."""
        from jobshape.screens.begin_rounds import begin_from_list

        self.run_worker(self._begin(begin_from_list), group="begin", exit_on_error=False)

    async def _begin(self, begin: object) -> None:
        await begin(self)  # type: ignore[operator]
        self.read()

    def do_pause(self) -> None:
        """Pause; of a paused one: go on."""
        line = self.campaign
        if line is not None:
            self._wish(line, "resume" if line.state in WISHES["resume"] else "pause")

    def do_resume(self) -> None:
        """Go on."""
        if (line := self.campaign) is not None:
            self._wish(line, "resume")

    def do_stop(self) -> None:
        """Ask, then stop."""
        if (line := self.campaign) is not None:
            self.run_worker(self._stop(line), group="steer", exit_on_error=False)

    def do_answer(self) -> None:
        """Answer what it asks."""
        if (line := self.campaign) is not None:
            self.run_worker(self._answer(line), group="steer", exit_on_error=False)

    def do_report(self) -> None:
        """Write the report."""
        if (line := self.campaign) is not None:
            self.run_worker(self._report(line), group="report", exit_on_error=False)

    async def _stop(self, line: CampaignLine) -> None:
        source = self.context.campaigns
        if source is None:
            return
        try:
            count = await source.would_cancel(line.key)
        except JobshapeError as error:
            self.status.say(f"stop: {error}", problem=True)
            return
        jobs = "1 job is" if count == 1 else f"{count:,} jobs are"
        said = [
            f"{jobs} in the queue or running and will be cancelled." if count else
            "None of its jobs is in the queue.",
            f"{line.done:,} of {line.total:,} jobs are done; what they wrote stays. "
            "A stopped campaign cannot go on: p pauses it.",
        ]  # fmt: skip
        answer = await self.app.push_screen_wait(QuestionScreen(
            f"Stop campaign {line.key} {line.name}?", said, {"y": "stop it"}, self.glyphs,
            dangerous="y",
        ))  # fmt: skip
        if answer == "y":
            await self._do_wish(line, "stop")

    async def _answer(self, line: CampaignLine) -> None:
        answers = {"r": "retry", "s": "skip", "x": "stop"}
        answer = await self.app.push_screen_wait(QuestionScreen(
            f"Campaign {line.key} {line.name} asks", [line.question], answers, self.glyphs,
            dangerous="x",
        ))  # fmt: skip
        if answer == "x":
            await self._stop(line)
        elif answer is not None:
            await self._do_wish(line, answers[answer])

    async def _report(self, line: CampaignLine) -> None:
        source = self.context.campaigns
        if source is None:
            return
        self.status.say("writing the report")
        try:
            path = await source.report(line.key)
        except JobshapeError as error:
            self.status.say(f"report: {error}", problem=True)
            return
        self.status.say(f"wrote {path}")

    def _wish(self, line: CampaignLine, what: str) -> None:
        self.run_worker(self._do_wish(line, what), group="steer", exit_on_error=False)

    async def _do_wish(self, line: CampaignLine, what: str) -> None:
        source = self.context.campaigns
        if source is None:
            return
        self.status.say(f"{what}: asking what runs campaign {line.key}")
        try:
            await source.wish(line.key, what)
        except JobshapeError as error:
            self.status.say(f"{what}: {error}", problem=True)
            return
        self.status.say(f"campaign {line.key} {line.name} is to be {PAST[what]}")
        self.read()
