"""A line to type into that takes its keys in the order in which they were typed."""

from textual import events
from textual.binding import Binding
from textual.widgets import Input

_ACTIONS = {
    binding.key: binding.action
    for given in Input.BINDINGS
    for binding in Binding.make_bindings([given])
}


class Entry(Input):
    """Textual runs what a key is bound to after the letters that came with it in one read.

    So over a slow line ``^u12G`` would lose its text, and a backspace hit the wrong letter.
    """

    async def _on_key(self, event: events.Key) -> None:
        action = _ACTIONS.get(event.key)
        if action is None:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        await self.run_action(action)
