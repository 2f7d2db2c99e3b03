"""The attempts under way: started, found again, watched, and settled when they are over.

Nothing here is decided twice: the claim in the spool says who has an attempt, the exit record how
it ended, and what the database says is written before it is acted on.
"""

import gc
import json
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from jobshape.app.backends.local import cgroup, process_tree, spool
from jobshape.app.backends.local.cgroup import Cgroup, CgroupBase
from jobshape.app.backends.local.environment import job_environment
from jobshape.app.backends.local.folder import SiteFolder
from jobshape.app.backends.local.machine import boot_id
from jobshape.app.backends.local.nursery import Nursery
from jobshape.app.backends.local.queue import Queue
from jobshape.app.backends.local.record import (
    COMPLETING,
    PENDING,
    REQUEUE,
    RUNNING,
    SUSPENDED,
    LocalJob,
)
from jobshape.app.backends.local.shepherd import Assignment
from jobshape.app.backends.local.spool import Claim, Exit
from jobshape.app.backends.local.view import log_paths_of

REQUEUE_DELAY_S = 10.0
"""How long a requeued job waits: others may go first, and a person sees it pending."""

RETRY_S = 5.0
"""When to try again what the machine had no room for."""

_NO_SPOOL = "its files cannot be written to the spool"
_FULL = "the disk of its log is full"
_KILLED = "its processes were killed from outside"
_REMOVED = "its files in the spool were removed"
_OOM_SIGNAL = 125  # how Slurm reports it: exit code 0:125


@dataclass(slots=True)
class Run:
    """An attempt under way. ``pidfd`` becomes readable when its shepherd is gone."""

    job_id: int
    attempt: str
    pid: int
    pidfd: int
    group: Cgroup | None = None
    watched: bool = False  # the supervisor looks at the pidfd
    term_at: float | None = None
    kill_at: float | None = None
    kills: int = 0  # how often that was done
    signalled: bool = False  # --signal was sent
    peak_bytes: int = 0
    gpu_peak_bytes: int | None = None
    gpu_percent_sum: float = 0.0
    gpu_samples: int = 0


class Unforked(NamedTuple):
    """A job whose start is on disk, and that got no process, as far as we know."""

    job_id: int
    why: str
    look_at: float  # when to see what became of it


class Runs:
    """Every attempt that has a shepherd, by job id."""

    def __init__(
        self, queue: Queue, folder: SiteFolder, *, site_id: str, site_name: str,
        base: CgroupBase | None, open_files: tuple[int, int], log: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.runs: dict[int, Run] = {}
        self.unforked: list[Unforked] = []
        self._nursery = Nursery()
        self._queue = queue
        self._folder = folder
        self._site_id, self._site_name = site_id, site_name
        self._base = base
        self._open_files = open_files
        self._log = log
        self._boot = boot_id()
        self._blob = lru_cache(maxsize=64)(queue.store.kept)

    def marker(self, job: LocalJob) -> str:
        """What the environment of the attempt's processes says."""
        return f"{self._site_id}/{job.attempt_name}"

    def launch(self, job: LocalJob) -> None:
        """Have a shepherd forked for a job whose start is on disk."""
        task = self._assignment(job)
        try:
            spool.make(task.folder)
        except OSError as error:
            self.unforked.append(Unforked(job.id, f"{_NO_SPOOL}: {error.strerror}", 0.0))
            return
        try:
            pid, descriptor = self._nursery.start(task)
        except OSError as error:  # EAGAIN, ENOMEM
            self._log(f"job {job.label}: fork: {error}")
            why = f"no process can be started: {error.strerror}"
            self.unforked.append(Unforked(job.id, why, 0.0))
            return
        self.runs[job.id] = Run(job.id, job.attempt_name, pid, descriptor, task.cgroup)

    def close(self) -> None:
        """End what was needed to start jobs; those that run go on."""
        self._nursery.close()

    def recover(self, now: float, rebooted: bool) -> None:
        """Find again what a supervisor before us had started; inside a transaction."""
        for job in self._queue.in_use():
            claim = None if rebooted else self._adopt_or_claim(job, now, 0.0, "")
            if rebooted:
                self._settle(job, None, now, "the machine was started anew")
            elif claim is not None:
                self._settle(job, None, now, self._why_lost(job, _KILLED))

    def _adopt_or_claim(self, job: LocalJob, now: float, delay_s: float, why: str) -> Claim | None:
        """Adopt its shepherd, or put it back where it never ran; gives the claim of a dead one.

        Raises OSError where it cannot be claimed.
        """
        folder = self._folder.spool / job.attempt_name
        claim = spool.read_claim(folder)
        is_there = claim is not None or folder.exists()
        if not is_there and process_tree.marked(self.marker(job)):  # it runs: somebody removed it
            return Claim(0, 0, "", True)
        if claim is None and (not is_there or spool.take_claim(folder, self._own_claim())):
            self._never_ran(job, now, delay_s, why)
            return None
        claim = spool.read_claim(folder) or claim
        if claim is not None and not claim.runs:
            self._never_ran(job, now, delay_s, why)
            return None
        if claim is not None and self._adopt(job, claim, now):
            return None
        return claim or Claim(0, 0, "", True)

    def _adopt(self, job: LocalJob, claim: Claim, now: float) -> bool:
        if claim.boot != self._boot or not process_tree.is_alive(claim.pid, claim.start):
            return False
        try:
            descriptor = os.pidfd_open(claim.pid)
        except OSError:
            return False
        if not process_tree.is_alive(claim.pid, claim.start):  # the number went to somebody else
            os.close(descriptor)
            return False
        run = Run(job.id, job.attempt_name, claim.pid, descriptor,
                  Cgroup.named(claim.cgroup))  # fmt: skip
        run.peak_bytes = job.peak_bytes or 0
        if job.state == COMPLETING:
            run.term_at = now
        self.runs[job.id] = run
        if job.suspended_s:  # it may have been resumed on disk alone
            self.go_on(run)
        self._log(f"job {job.label}: found again, shepherd {claim.pid}")
        return True

    def settle(self, run: Run, now: float) -> None:
        """The shepherd of a run is gone: write down what became of the job; in a transaction."""
        job = self._queue.jobs.get(run.job_id)
        if job is not None:
            why = self._why_lost(job, "its shepherd process was killed from outside")
            self._settle(job, run, now, why)

    def settle_unforked(self, now: float) -> list[Unforked]:
        """Put jobs back that got no process, to be tried again; gives those to look at later.

        Whether nobody was forked is only sure once the claim is ours. In a transaction.
        """
        later: list[Unforked] = []
        for entry in self.unforked:
            job = self._queue.jobs.get(entry.job_id)
            if now < entry.look_at:
                later.append(entry)
            elif job is not None and job.state != PENDING and job.id not in self.runs:
                try:
                    claim = self._adopt_or_claim(job, now, RETRY_S, entry.why)
                except OSError:
                    later.append(entry._replace(look_at=now + 1.0))
                    continue
                if claim is not None:
                    self._settle(job, None, now, self._why_lost(job, _KILLED))
        return later

    def _settle(self, job: LocalJob, run: Run | None, now: float, lost: str) -> None:
        folder = self._folder.spool / job.attempt_name
        end = spool.read_exit(folder)
        if end is not None:
            self._ended(job, run, end, now)
            return
        claim = spool.read_claim(folder)
        is_there = claim is not None or folder.exists()  # made before anybody is started
        if run is not None and is_there and (claim is None or not claim.runs):
            why = "" if spool.is_prepared(folder) else _NO_SPOOL
            self._never_ran(job, now, RETRY_S if why else 0.0, why)
            return
        self._lost(job, run, claim, now, lost)

    def _why_lost(self, job: LocalJob, why: str) -> str:
        return why if (self._folder.spool / job.attempt_name).exists() else _REMOVED

    def _never_ran(self, job: LocalJob, now: float, delay_s: float, why: str) -> None:
        """The script was never started: back in the queue, unless it was to end anyway."""
        if job.ending and job.ending != REQUEUE:
            job.end_time = now
            self._queue.finish(job, job.ending, now)
            return
        job.reason = job.message = why
        self._queue.give_back(job, now, delay_s=delay_s, restart=False)

    def _lost(
        self, job: LocalJob, run: Run | None, claim: Claim | None, now: float, why: str
    ) -> None:
        """Nobody lived to write how it ended; nothing of it may go on when its slots are free."""
        process_tree.kill_marked(self.marker(job))
        group = Cgroup.named(claim.cgroup) if claim else None
        if group:
            group.kill()
        self._note_use(job, run, None)
        if job.ending == REQUEUE or (job.requeue and not job.ending):
            self._queue.give_back(job, now, delay_s=REQUEUE_DELAY_S, restart=True)
            return
        job.end_time = now
        job.exit_code, job.exit_signal = 0, signal.SIGKILL
        if not job.ending:
            job.reason, job.message = "NodeFail", f"{why}; how it ended is not known"
        self._queue.finish(job, job.ending or "NODE_FAIL", now)

    def _ended(self, job: LocalJob, run: Run | None, end: Exit, now: float) -> None:
        self._note_use(job, run, end)
        if job.ending == REQUEUE:
            self._queue.give_back(job, now, delay_s=REQUEUE_DELAY_S, restart=True)
            return
        job.end_time = min(max(end.end_time, job.start_time or 0.0), max(now, end.end_time))
        job.exit_code, job.exit_signal = end.code, end.signal
        state = job.ending
        if end.oom and state in ("", "OUT_OF_MEMORY"):
            state = "OUT_OF_MEMORY"
            job.reason = "OutOfMemory"
            job.message = job.message or "it reached its memory limit"
        if state == "OUT_OF_MEMORY":
            job.exit_code, job.exit_signal = 0, _OOM_SIGNAL
            job.peak_bytes = min(job.peak_bytes or job.memory_bytes, job.memory_bytes)
        elif state == "TIMEOUT":
            job.exit_code = job.exit_signal = 0
        elif end.error:
            state, job.reason, job.message = "FAILED", end.error, end.error
        elif not state:
            state = _state_of(job)
            if end.log_full and state == "FAILED":
                job.reason = _FULL
                job.message += f"; {_FULL}"
        self._queue.finish(job, state, now)

    def _note_use(self, job: LocalJob, run: Run | None, end: Exit | None) -> None:
        peaks = [job.peak_bytes or 0]
        if run is not None:
            peaks.append(run.peak_bytes)
            job.gpu_peak_bytes = run.gpu_peak_bytes
            if run.gpu_samples:
                job.gpu_percent = run.gpu_percent_sum / run.gpu_samples
        if end is not None and not end.error:
            peaks.append(end.peak_bytes)
            job.cpu_s = end.cpu_s
        job.peak_bytes = max(peaks) or None

    def forget(self, run: Run) -> None:
        """Drop a run that is settled on disk; its files stay."""
        if self.runs.get(run.job_id) is run:
            del self.runs[run.job_id]
        if run.pidfd >= 0:
            os.close(run.pidfd)
            run.pidfd = -1

    def tidy(self, run: Run) -> None:
        """Remove the files of a run that was dropped."""
        spool.remove(self._folder.spool / run.attempt)

    def tidy_all(self) -> None:
        """Remove what attempts left that are over."""
        wanted = {job.attempt_name for job in self._queue.in_use()}
        with suppress(OSError):
            for folder in self._folder.spool.iterdir():
                if folder.name not in wanted:
                    spool.remove(folder)
        if self._base:
            cgroup.remove_left(self._base, self._site_id, wanted)

    def below(self, run: Run) -> list[int]:
        """All processes of a run."""
        found = process_tree.descendants(run.pid)
        if run.group:
            found += [pid for pid in run.group.processes() if pid not in found and pid != run.pid]
        return found

    def stop(self, run: Run) -> None:
        """Stop all processes of a run whose job is suspended."""
        job = self._queue.jobs.get(run.job_id)
        if job is not None and job.state == SUSPENDED:
            process_tree.stop_all(lambda: self.below(run))

    def go_on(self, run: Run) -> None:
        """Let the processes of a run go on whose job is not suspended."""
        job = self._queue.jobs.get(run.job_id)
        if job is not None and job.state == RUNNING:
            process_tree.send(self.below(run), signal.SIGCONT)

    def _own_claim(self) -> Claim:
        me = os.getpid()
        return Claim(me, process_tree.start_of(me) or 0, self._boot, False)

    def _assignment(self, job: LocalJob) -> Assignment:
        machine = self._queue.machine
        given = [gpu for gpu in machine.gpus if str(gpu.number) in job.gpu_ids.split(",")]
        environment = job_environment(
            job, json.loads(self._blob(job.environment)), site=self._site_name,
            marker=self.marker(job), node=machine.name, programs=str(self._folder.programs),
            spool=str(self._folder.spool / job.attempt_name),
            gpu_type=given[0].kind if given else "",
        )  # fmt: skip
        paths = log_paths_of(job, machine.name)
        group = self._base.group(self._site_id, job.attempt_name) if self._base else None
        append = job.open_mode == "a"
        return Assignment(
            folder=self._folder.spool / job.attempt_name, script=self._blob(job.script),
            arguments=json.loads(job.arguments), environment=environment, work_dir=job.work_dir,
            stdin=paths.stdin, stdout=paths.stdout, stderr=paths.stderr, append=append,
            umask=job.umask, memory_bytes=job.memory_bytes, cgroup=group, boot=self._boot,
            open_files=self._open_files,
        )  # fmt: skip


def _state_of(job: LocalJob) -> str:
    """The state of a job whose script ended by itself; sets the reason as Slurm words it."""
    if not job.exit_code and not job.exit_signal:
        return "COMPLETED"
    if job.exit_signal:
        job.reason = f"RaisedSignal:{job.exit_signal}({_signal_words(job.exit_signal)})"
        job.message = f"its script was ended by signal {job.exit_signal}"
    else:
        job.reason, job.message = "NonZeroExitCode", f"its script gave exit code {job.exit_code}"
    return "FAILED"


def _signal_words(number: int) -> str:
    return (signal.strsignal(number) or "unknown").replace(" ", "_")


def prepare_forks() -> tuple[int, int]:
    """Get ready to fork many small children; gives the limit of open files as it was."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[1], 65536), before[1]))
    gc.collect()
    gc.freeze()
    return before
