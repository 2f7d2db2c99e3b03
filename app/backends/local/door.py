"""The supervisor's end of the socket: takes requests in, gives answers out, waits for nobody."""

import selectors
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobshape.app.backends.local import link

CLIENT_S = 10.0
"""How long a client may take to say what it wants."""

_ANSWER_S = 1.0
_RECEIVE = 1 << 18

Request = tuple[socket.socket, dict[str, Any]]
"""Who asks, and what."""


class Door:
    """Clients that came in, and the requests that are complete."""

    def __init__(self, path: Path, selector: selectors.BaseSelector) -> None:
        self._path = path
        self._selector = selector
        self._clients: dict[socket.socket, tuple[link.MessageReader, float]] = {}
        self._requests: list[Request] = []
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """Listen from now on. Raises OSError."""
        self._listener = link.listen(self._path)
        self._selector.register(self._listener, selectors.EVENT_READ, self._connect)

    def take(self) -> list[Request]:
        """The requests that have come; who has been silent for too long is shown out."""
        now = time.time()
        for client in [one for one, (_, until) in self._clients.items() if until <= now]:
            self._drop(client)
        requests, self._requests = self._requests, []
        return requests

    def next_time(self) -> float | None:
        """When a client will have been silent for too long; at once where a request waits."""
        if self._requests:
            return 0.0
        return min((until for _, until in self._clients.values()), default=None)

    def close_unless_somebody_came(self) -> bool:
        """Close it; false where somebody stood in it, and it is open again."""
        assert self._listener
        self._path.unlink(missing_ok=True)
        self._connect(None)
        if not self._clients and not self._requests:
            return True
        self._selector.unregister(self._listener)
        self._listener.close()
        self.open()
        return False

    def answer(self, client: socket.socket, answer: dict[str, Any]) -> None:
        """Tell a client the outcome, and show it out."""
        with suppress(OSError), client:
            client.settimeout(_ANSWER_S)
            client.sendall(link.encode(answer))

    def _connect(self, _: object) -> None:
        assert self._listener
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            if not link.peer_is_us(client):
                client.close()
                continue
            client.setblocking(False)
            self._clients[client] = (link.MessageReader(), time.time() + CLIENT_S)
            self._selector.register(client, selectors.EVENT_READ, self._receive)
            self._receive(client)  # most have sent it all by now

    def _receive(self, client: socket.socket) -> None:
        try:
            data = client.recv(_RECEIVE)
            message = self._clients[client][0].feed(data) if data else None
        except BlockingIOError:
            return
        except (OSError, ValueError):
            data, message = b"", None
        if not data:
            self._drop(client)
        elif message is not None:
            self._selector.unregister(client)
            del self._clients[client]
            self._requests.append((client, message))

    def _drop(self, client: socket.socket) -> None:
        self._clients.pop(client, None)
        with suppress(KeyError, ValueError):
            self._selector.unregister(client)
        client.close()
