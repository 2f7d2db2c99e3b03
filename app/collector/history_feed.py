"""Between the readings and the history: what each tells that the history is to know."""

from collections.abc import Iterable, Iterator

from jobshape.app.backends.base import Scope
from jobshape.app.collector.backfill_poll import BackfillPoll
from jobshape.app.collector.history_poll import HistoryPoll
from jobshape.app.collector.polls import AccountingPoll, Poll, QueuePoll
from jobshape.app.collector.start import Start
from jobshape.app.collector.wire import Frame


class HistoryFeed:
    """Owns the polls of the history and shows them every frame that passes."""

    def __init__(self, start: Start, queue: QueuePoll, accounting: AccountingPoll) -> None:
        self._queue, self._accounting = queue, accounting
        self.writer = HistoryPoll(start.history, start.site, queue)
        self.writer.use_rules(start.stage_rules)
        self.backfill = BackfillPoll(self.writer, queue, start.history_days)

    def hear(self, poll: Poll, frame: Frame) -> Iterator[Frame]:
        """A child said this; gives frames for the app."""
        match frame.kind:
            case "jobs":
                if self.writer.hear_jobs(frame, from_accounting=poll is self._accounting):
                    self.backfill.hear_ended()
            case "own":
                self.writer.hear_own(frame)
            case "usage":
                self.writer.hear_usage(frame)
            case "capabilities" if self.writer.on:
                self.writer.learn(frame.head)
                self.backfill.learn(frame.head)
                self._queue.user = frame.head["user"]
                self._queue.owes_own = self._queue.scope is not Scope.MINE
                yield self.writer.frame()

    def watch(self, poll: Poll, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Frames of a poll for the app; jobs accounting does not know either are lost."""
        for frame in frames:
            if poll is self._accounting:
                self.writer.hear_lost(frame.head["gone"])
            yield frame
        if self.writer.began_anew:
            self.writer.began_anew = False
            self._queue.owes_own = True  # what has not changed since is not in the new file
            self.backfill.begin_anew()
