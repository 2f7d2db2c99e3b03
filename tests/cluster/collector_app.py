"""An app without a screen: a collector, its client and a board, driven by lines on stdin.

Runs in a box. Says what the board shows whenever that changes, one JSON object a line; does what it
is told: ``{"call": "cancel", "args": {"job": "5"}}``.
"""

import asyncio
import json
import sys
import time
from typing import Any

from jobshape.app.collector.spawn import CollectorProcess
from jobshape.app.collector.start import Start

PROCESS = CollectorProcess(Start(**json.loads(sys.argv[1])))

from jobshape.app.board.board import Board  # noqa: E402
from jobshape.app.collector.client import CollectorClient  # noqa: E402
from jobshape.app.domain.errors import BackendError  # noqa: E402
from jobshape.app.domain.request import SubmitRequest  # noqa: E402


class App:
    def __init__(self) -> None:
        self.board = Board()
        self.client = CollectorClient(PROCESS, self.board, lambda: None)
        self.longest_gap_s = 0.0  # of the loop: how long a key could have waited

    def say(self, **what: Any) -> None:
        print(json.dumps(what), flush=True)

    async def run(self) -> None:
        self.client.start()
        commands = asyncio.create_task(self.commands())
        said, woke = "", time.perf_counter()
        while not commands.done():
            await asyncio.sleep(0.02)
            self.longest_gap_s = max(self.longest_gap_s, time.perf_counter() - woke - 0.02)
            woke = time.perf_counter()
            shown = self.shown()
            if json.dumps(shown) != said:
                said = json.dumps(shown)
                self.say(at=time.time(), gap_ms=self.longest_gap_s * 1000, **shown)
                self.longest_gap_s = 0.0
        await self.client.close()

    def shown(self) -> dict[str, Any]:
        link = self.board.link
        return {
            "phase": link.phase,
            "message": link.message,
            "hint": link.hint,
            "states": {job.job_id: job.state for job in self.board.jobs.values()},
            "stages": {job.job_id: job.stage for job in self.board.jobs.values()},
            "nodes": sorted(self.board.nodes),
            "partitions": list(self.board.partitions),
            "usage": {u.job_id: u.memory_bytes for u in self.board.usage.values()},
            "features": [f.name for f in link.features if f.available],
            "backend": link.backend,
            "source": link.source,
            "cadence_s": link.cadence_s,
            "controller_ms": link.controller_ms_per_minute,
            "notes": link.notes,
            "collector": self.client._process.pid,
            "log": self.client.log[-3:],
        }

    async def commands(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            told = json.loads(line)
            if "look" in told:
                self.client.set_attention(True, told["look"])
            else:
                await self.call(told["call"], told["args"])

    async def call(self, method: str, args: dict[str, Any]) -> None:
        if "request" in args:
            args["request"] = SubmitRequest(**args["request"])
        try:
            self.say(result=repr(await self.client.call(method, **args)))
        except BackendError as error:
            self.say(error=[type(error).__name__, str(error)])


asyncio.run(App().run())
