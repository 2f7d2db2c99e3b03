"""The supervisor of a site: one thread around a selector that sleeps while there is nothing to do.

A turn collects what has happened (requests, shepherds that are gone, times that have come), works
it into the queue inside one transaction, and acts only once that is on disk.
"""

import fcntl
import os
import selectors
import shlex
import signal
import socket
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from jobshape import __version__
from jobshape.app.backends.local import cgroup, launch, link, process_tree, spool
from jobshape.app.backends.local.actions import Actions
from jobshape.app.backends.local.config import LocalSite
from jobshape.app.backends.local.door import Door, Request
from jobshape.app.backends.local.folder import SiteFolder
from jobshape.app.backends.local.gpus import GpuPool, nvml_of
from jobshape.app.backends.local.limits import Limits
from jobshape.app.backends.local.log import Log
from jobshape.app.backends.local.machine import boot_id, machine_of
from jobshape.app.backends.local.owner import note_owner, refuse_another_machine
from jobshape.app.backends.local.queue import Queue
from jobshape.app.backends.local.record import LocalJob
from jobshape.app.backends.local.reserve import Reserve
from jobshape.app.backends.local.runs import Run, Runs, Unforked, prepare_forks
from jobshape.app.backends.local.scheduler import Candidate, plan
from jobshape.app.backends.local.store import Store
from jobshape.app.backends.local.view import (
    capacity_of,
    gpu_kinds,
    holdings_of,
    slots_for,
    walltime,
)
from jobshape.app.domain.errors import BackendError, Unreachable

GPU_LOOK_S = 5.0
"""How often to see whether somebody else's GPU has come free, while a job waits for it."""

TROUBLE_S = 2.0
RESERVE_S = 10.0
PRUNE_S = 3600.0
LONGEST_SLEEP_S = 3600.0
"""A selector takes no more than 2^31 milliseconds."""

LOCK_TRIES = 10


def prepare(site: LocalSite) -> "Supervisor | None":
    """A supervisor that listens; None where the site has one already. Raises BackendError."""
    folder = SiteFolder(site.folder)
    folder.make()
    refuse_another_machine(folder)
    os.umask(0o077)
    lock = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if not _locked(lock):
        os.close(lock)
        return None
    log = Log(folder.log)
    log.take_stdio()
    os.chdir("/")
    try:
        _write_programs(folder)
        word = launch.LockWord(lock)
        word.say("")
        supervisor = Supervisor(site, folder, Store.to_write(folder.database), log, word)
        supervisor.recover()
    except (OSError, sqlite3.Error) as error:
        raise Unreachable(f"the queue cannot be opened: {error}", where=str(folder.path),
                          hint="is the disk full?") from error  # fmt: skip
    supervisor.listen()
    return supervisor


def _locked(lock: int) -> bool:
    """Whether the site is ours. Clients that look whether somebody has it hold it for a moment."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


def stop_supervisor(folder: str, *, kill_jobs: bool) -> None:
    """End the supervisor of a site and wait for it; kill_jobs: its jobs, too, all of them.

    Where jobs are to be killed and no supervisor runs, one is started to find them. Raises
    BackendError where it does not end.
    """
    place = SiteFolder(folder)
    if not place.is_there() or not place.database.exists():
        return
    refuse_another_machine(place)  # the process id in its lock means nothing here
    site = LocalSite(folder=folder)
    if not launch.is_running(place):
        if not kill_jobs:
            return
        launch.start(site)
    with suppress(Unreachable, link.NobodyThere):
        link.ask(place.socket, {"do": "stop", "arguments": {"kill_jobs": kill_jobs},
                                "protocol": link.PROTOCOL}, 60.0)  # fmt: skip
    if launch.wait_until_gone(place, 15.0):
        return
    pid = launch.running_pid(place)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if not launch.wait_until_gone(place, 5.0):
        raise Unreachable("the local supervisor does not end", where=str(place.path))
    for attempt in place.spool.iterdir() if kill_jobs else ():  # it could not end them itself
        claim = spool.read_claim(attempt)
        if claim and claim.runs and process_tree.is_alive(claim.pid, claim.start):
            process_tree.kill_below(claim.pid)


class Supervisor:
    """Owns the queue of a site."""

    def __init__(
        self, site: LocalSite, folder: SiteFolder, store: Store, log: Log, word: launch.LockWord
    ) -> None:  # fmt: skip
        self._site = site
        self._word = word
        self._folder = folder
        self._store = store
        self._log = log
        self._selector = selectors.DefaultSelector()
        self._door = Door(folder.socket, self._selector)
        self._reserve = Reserve(folder.reserve)
        self._reserve.make()
        self._reserve_at = 0.0
        self._gone: dict[int, Run] = {}
        self._starting: list[LocalJob] = []
        self._unforked: list[Unforked] = []
        self._trouble = ""
        self._stale = False  # memory may hold what never came to disk
        self._again_at = 0.0
        self._idle_since: float | None = None
        self._look_at: float | None = None
        self._prune_at = 0.0
        self._stopping: list[socket.socket] | None = None
        self._done = False
        base = cgroup.find_base()
        site_id = store.fact("site")
        self._pool = GpuPool(nvml_of(site.gpus), site.gpu_busy_bytes)
        self._queue = Queue(store, machine_of(site))
        self._runs = Runs(
            self._queue, folder, site_id=site_id, site_name=site.name, base=base,
            open_files=prepare_forks(), log=log.write,
        )  # fmt: skip
        self._limits = Limits(self._queue, self._runs, self._pool, site.kill_wait_s)
        self._actions = Actions(self._queue, self._runs, self._limits)
        log.write(
            f"jobshape {__version__}, process {os.getpid()}; memory limits by "
            + (f"control groups in {base.path}" if base else "sampling")
        )

    def listen(self) -> None:
        """Take requests from now on."""
        self._door.open()

    def recover(self) -> None:
        """Take up what a supervisor before us left. Raises sqlite3.Error."""
        now = time.time()
        boot = boot_id()
        with self._store.transaction():
            self._queue.load(now)
            self._runs.recover(now, self._store.fact("boot") not in ("", boot))
            self._store.note("boot", boot)
            note_owner(self._store)
        self._runs.tidy_all()
        self._watch_all()

    def run(self) -> None:
        """Work until there has been nothing to do for a while."""
        while not self._done:
            for key, _ in self._selector.select(self._timeout()):
                key.data(key.fileobj)
            self._turn()
        self._log.write("ends")
        self._runs.close()
        self._selector.close()
        self._folder.socket.unlink(missing_ok=True)
        self._store.close()

    def _turn(self, again: list[Request] | None = None) -> None:
        """again: the requests of a turn that is to be tried anew."""
        now = time.time()
        requests = self._door.take() if again is None else again
        if self._trouble and now < self._again_at:
            self._refuse(requests)
            return
        answers: list[Request] = []
        gone = list(self._gone.values())
        stopping = self._stopping
        self._actions.effects.clear()
        self._starting.clear()
        try:
            with self._store.transaction():
                if self._stale:
                    self._queue.load(now)
                effects = self._work(requests, answers, gone, now)
        except sqlite3.Error as error:
            if _is_full(error) and self._reserve.give_up():
                self._log.write(f"{error}: the room kept for the queue is given up")
                self._reserve_at = now + RESERVE_S
                self._stale, self._stopping = True, stopping
                self._turn(requests)
            else:
                self._lose(error, requests, now)
            return
        except Exception as error:
            self._log.write(traceback.format_exc())
            if not requests:
                raise
            self._stale = self._queue.changed = True
            self._answer_all(requests, _bug(error))
            return
        self._stale = False
        if not self._reserve.is_there and now >= self._reserve_at:
            self._reserve_at = now + RESERVE_S
            self._reserve.make()
        if self._trouble:
            self._trouble = ""
            self._word.say("")
            self._log.write("the queue can be written again")
        self._act(gone, effects)
        for connection, answer in answers:
            self._door.answer(connection, answer)
        self._consider_ending(time.time())

    def _work(
        self, requests: list[Request],
        answers: list[Request], gone: list[Run], now: float,
    ) -> list[Callable[[], None]]:  # fmt: skip
        """Everything of a turn that changes the queue."""
        for run in gone:
            self._runs.settle(run, now)
        self._unforked = self._runs.settle_unforked(now)
        for connection, message in requests:
            answer = self._answer_to(connection, message, now)
            if answer is not None:
                answers.append((connection, answer))
        self._queue.ring(now)
        effects = self._limits.check(now)
        if self._stopping is None:
            self._schedule(now)
        if now >= self._prune_at:
            self._prune_at = now + PRUNE_S
            self._store.prune(now - self._site.keep_finished_s, self._queue.named())
        return effects

    def _act(self, gone: list[Run], effects: list[Callable[[], None]]) -> None:
        """What the transaction allows, now that it is on disk."""
        for run in gone:
            self._gone.pop(run.job_id, None)
            self._runs.forget(run)
        self._runs.unforked = self._unforked
        for job in self._starting:
            try:
                self._runs.launch(job)
            except Exception as error:  # one job's trouble must not become everybody's
                self._log.write(traceback.format_exc())
                why = f"it cannot be started: {error}"
                self._runs.unforked.append(Unforked(job.id, why, 0.0))
        self._watch_all()
        for effect in (*effects, *self._actions.effects):
            effect()
        for run in gone:  # last: it takes a millisecond, in which the next ones already run
            self._runs.tidy(run)

    def _answer_to(
        self, connection: socket.socket, message: dict[str, Any], now: float
    ) -> dict[str, Any] | None:
        """The answer to a request; None where it comes later."""
        do, arguments = message.get("do", ""), message.get("arguments", {})
        try:
            if message.get("protocol") != link.PROTOCOL:
                self._done = True  # the jobs go on; the next one finds them
                return {"value": launch.RETIRED}
            if do == "stop":
                self._stop(connection, bool(arguments.get("kill_jobs")), now)
                return None
            if "site" in message:
                self._use(LocalSite.from_head(message["site"]), now)
            if do == "ping":
                return {"value": {"pid": os.getpid(), "version": __version__}}
            return {"value": self._actions.do(do, arguments, now)}
        except BackendError as error:
            return link.error_message(error)
        except (TypeError, KeyError, ValueError) as error:
            self._log.write(traceback.format_exc())
            return link.error_message(BackendError(f"{type(error).__name__}: {error}", where=do))

    def _use(self, site: LocalSite, now: float) -> None:
        """Go on as the site is described now."""
        if site == self._site:
            return
        machine = machine_of(site)
        if site.gpus != self._site.gpus or site.gpu_busy_bytes != self._site.gpu_busy_bytes:
            self._pool = GpuPool(nvml_of(site.gpus), site.gpu_busy_bytes)
            self._limits.pool = self._pool
        self._limits.kill_wait_s = site.kill_wait_s
        self._site = site
        self._queue.use(machine, now)

    def _schedule(self, now: float) -> None:
        """Give slots to the jobs whose turn it is."""
        if self._look_at is not None and now >= self._look_at:
            self._queue.changed = True
        if not self._queue.changed:
            return
        self._queue.changed = False
        self._look_at = None
        machine = self._queue.machine
        in_use = self._queue.in_use()
        self._pool.note_given(job.gpu_ids for job in in_use)
        if self._queue.gpu_jobs_ready:
            self._pool.look()
            if self._pool.foreign:
                self._look_at = now + GPU_LOOK_S
        candidates = (
            Candidate(job.id, slots_for(job, machine), walltime(job), count)
            for job, count in self._queue.ready()
        )  # fmt: skip
        capacity = capacity_of(machine, gpu_kinds(machine), self._pool.foreign)
        found = plan(now, capacity, holdings_of(in_use, machine), candidates, only_starts=True)
        for job_id in found.starts:
            self._start(self._queue.jobs[job_id], now)

    def _start(self, job: LocalJob, now: float) -> None:
        picked: tuple[int, ...] = ()
        if job.gpus:
            gpus = self._pool.pick(job.gpus, job.gpu_type)
            if gpus is None:
                self._look_at = now + GPU_LOOK_S
                return
            picked = gpus
            self._pool.given.update(picked)
        started = self._queue.start(job, now, picked)
        self._starting.append(started)

    def _stop(self, connection: socket.socket, kill_jobs: bool, now: float) -> None:
        self._stopping = [*(self._stopping or []), connection]
        if kill_jobs:
            self._actions.cancel_everything(now)
        else:
            self._done = True

    def _consider_ending(self, now: float) -> None:
        if self._stopping is not None and (self._done or not self._queue.in_use()):
            self._done = True
            for connection in self._stopping:
                self._door.answer(connection, {"value": None})
            return
        if self._queue.has_work() or self._runs.runs:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        elif now >= self._idle_since + self._site.idle_exit_s:
            self._done = self._door.close_unless_somebody_came()
            self._idle_since = now

    def _timeout(self) -> float | None:
        now = time.time()
        times = [self._limits.next_time(now), self._queue.next_alarm(), self._look_at]
        if self._idle_since is not None:
            times.append(self._idle_since + self._site.idle_exit_s)
        times.append(self._door.next_time())
        times += [entry.look_at for entry in self._runs.unforked]
        if self._queue.changed or self._gone:
            times.append(now)
        if self._trouble:
            times = [self._again_at]
        known = [at for at in times if at is not None]
        return min(max(0.0, min(known) - now) + 0.001, LONGEST_SLEEP_S) if known else None

    def _lose(
        self, error: sqlite3.Error, requests: list[Request],
        now: float,
    ) -> None:  # fmt: skip
        """Nothing of this turn is on disk, so nothing of it is done."""
        if str(error) != self._trouble:
            self._log.write(f"the queue cannot be written: {error}")
            self._word.say(f"{error}; nothing starts")
        self._trouble = str(error)
        self._again_at = now + TROUBLE_S
        self._stale = True
        self._stopping = None
        self._refuse(requests)

    def _refuse(self, requests: list[Request]) -> None:
        trouble = Unreachable(
            f"the queue cannot be written: {self._trouble}; nothing new starts until it can",
            where=str(self._folder.database), hint="is the disk full?",
        )  # fmt: skip
        self._answer_all(requests, trouble)

    def _answer_all(self, requests: list[Request], error: BackendError) -> None:
        for connection, _ in requests:
            self._door.answer(connection, link.error_message(error))

    def _watch_all(self) -> None:
        """Be told of the death of every shepherd."""
        for run in self._runs.runs.values():
            if not run.watched:
                run.watched = True
                gone = partial(self._shepherd_gone, run)
                self._selector.register(run.pidfd, selectors.EVENT_READ, gone)

    def _unwatch(self, run: Run) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(run.pidfd)

    def _shepherd_gone(self, run: Run, _: object) -> None:
        self._gone[run.job_id] = run
        self._unwatch(run)


def _is_full(error: sqlite3.Error) -> bool:
    return "is full" in str(error) or "disk I/O" in str(error)  # the latter of a quota


def _bug(error: Exception) -> BackendError:
    return BackendError(f"{type(error).__name__}: {error}", where="local supervisor",
                        hint="a bug in jobshape: please report it")  # fmt: skip


def _write_programs(folder: SiteFolder) -> None:
    """What jobs find first on their PATH: srun."""
    path = folder.programs / "srun"
    text = (
        "#!/bin/sh\n"
        f'exec {shlex.quote(sys.executable)} -P -E -m jobshape.app.backends.local.srun "$@"\n'
    )
    path.write_text(text, "utf-8")
    path.chmod(0o700)
