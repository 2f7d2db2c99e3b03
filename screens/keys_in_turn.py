"""Keys one after the other: each is done with before the next one is looked at.

Textual gives a key to what has the focus at that moment, and it bubbles up from there. So of keys
that come in one read, over a slow line or from quick fingers, the ones behind a key that moves the
focus (``/`` opens the filter) went to where the focus was before, or overtook each other.
"""

from collections import deque
from typing import TYPE_CHECKING

from textual import events
from textual.message import Message

if TYPE_CHECKING:
    from textual.app import App

    Base = App[None]
else:
    Base = object

PATIENCE_S = 0.2
"""How long a key waits for the one before it, whose widget may have gone meanwhile."""


class KeyDone(Message):
    """Takes the way of a key, behind it: where this arrives, the key has been."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class KeysInTurn(Base):
    """Mixed into an App, before it."""

    _waiting: "deque[events.Key] | None" = None
    _under_way = 0  # number of the key that is not done with yet; 0: none
    _forwarded = 0
    _last_key = ""

    async def on_event(self, event: events.Event) -> None:
        """Let a key wait while another one is under way."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        if self._waiting is None:
            self._waiting = deque()
        is_repeated = event.key == self._last_key and not self._waiting  # held down: any order
        if self._under_way and not is_repeated:
            self._waiting.append(event)
            number = self._under_way
            self.set_timer(PATIENCE_S, lambda: self._next(number))
            return
        await self._forward(event)

    async def _forward(self, event: events.Key) -> None:
        self._forwarded += 1
        self._under_way, self._last_key = self._forwarded, event.key
        number = self._forwarded
        target = self.focused or self.screen
        await super().on_event(event)
        target.post_message(KeyDone(number))

    def on_key_done(self, message: KeyDone) -> None:
        """The way is free, once what the key asked for (a focus) has come to pass."""
        message.stop()
        number = message.number
        self.call_later(self._next, number)

    async def _next(self, number: int) -> None:
        if number != self._under_way:
            return
        self._under_way = 0
        if self._waiting:
            await self._forward(self._waiting.popleft())
