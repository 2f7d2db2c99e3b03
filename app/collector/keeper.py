"""Holds the backend that forked children inherit, and finds out which one it is."""

import gc
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from jobshape.app.backends.base import Backend
from jobshape.app.collector.choose import choose_backend
from jobshape.app.collector.forked import Ended
from jobshape.app.collector.reading import relearn


class BackendKeeper:
    """The backend, once a child has got an answer through one of its own.

    pyslurm's import may end the process, so it happens here only after it went well in a child.
    Nor is it tried first in a process of its own, which costs 0.1 s, unless there is doubt.
    """

    def __init__(
        self,
        kind: str,
        ssh: str | None,
        local: Mapping[str, Any] | None = None,
        gpu: Mapping[str, Any] | None = None,
    ) -> None:
        self._kind = kind
        self._choose = partial(choose_backend, ssh=ssh, local=local, gpu=gpu)
        self._careful = False
        self._loaded = False
        self.backend: Backend | None = None

    @property
    def make(self) -> Callable[[], tuple[str, Backend]]:
        """How a child gets a backend while there is none here."""
        return partial(self._choose, self._kind, careful=self._careful)

    @property
    def runs_commands(self) -> bool:
        """Whether calls may start commands; false only where libslurm does it all in C."""
        return not self._loaded

    def keep(self, ended: Ended) -> None:
        """The same backend as the child that got the first answer; shared pages stay shared."""
        _, self.backend = self._choose(ended.head["made"])
        self.learn(ended)
        gc.collect()
        gc.freeze()

    def learn(self, ended: Ended) -> None:
        """What the child found out; and pyslurm, if it has loaded it."""
        if self.backend is None:
            return
        relearn(self.backend, ended.head)
        load = getattr(self.backend, "load", None)
        if load and ended.head.get("pyslurm") and not ended.error and not self._loaded:
            self._loaded = True
            load()
            gc.freeze()

    def doubts(self, ended: Ended) -> bool:
        """Whether to choose once more, carefully: a child died, or could not load pyslurm."""
        if self._careful or self._loaded or not ended.error:
            return False
        if ended.head and "import pyslurm" not in ended.error[2]:
            return False
        self._careful = True
        self.backend = None
        return True
