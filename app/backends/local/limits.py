"""Limits are kept: memory twice a second, walltime to the second, and what a job used is noted.

Memory where the kernel does not keep it: the resident memory of all processes of a job. Above the
limit, pages that they share are counted once (PSS) before anything is ended; where PSS cannot be
read, resident memory counts.
"""

import math
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from jobshape.app.backends.local import process_tree
from jobshape.app.backends.local.gpus import GpuPool, GpuReading
from jobshape.app.backends.local.queue import Queue
from jobshape.app.backends.local.record import COMPLETING, RUNNING, SUSPENDED, LocalJob
from jobshape.app.backends.local.runs import Run, Runs
from jobshape.app.backends.local.shape import parse_signal, signal_number
from jobshape.app.backends.local.view import slurm_size
from jobshape.app.domain.errors import BackendError
from jobshape.app.domain.job import UNLIMITED, Usage

SAMPLE_S = 0.5
SAVE_S = 10.0
"""How often peaks go to disk: a supervisor that is killed loses no more."""

_NO_FIGURES = (
    "no GPU figures: NVML does not answer. To get them: look at `nvidia-smi`, and at the file that"
    " local.gpus names if it does"
)
_NOBODY_YET_S = 0.05
_KILL_AGAIN_S = 1.0

Effect = Callable[[], None]


class Limits:
    """Watches the runs. Effects it gives are for after the transaction."""

    def __init__(self, queue: Queue, runs: Runs, pool: GpuPool, kill_wait_s: float) -> None:
        self._queue = queue
        self._runs = runs
        self.pool = pool
        self.kill_wait_s = kill_wait_s
        self._sample_at = self._save_at = 0.0
        self._stop_at = math.inf

    def next_time(self, now: float) -> float | None:
        """When to look again; None while nothing runs."""
        runs = self._runs.runs
        if not runs:
            return None
        self._heed_clock(now)
        times = [max(self._sample_at, now - SAMPLE_S), self._stop_at]
        for run in runs.values():
            times += [at for at in (run.term_at, run.kill_at) if at is not None]
            job = self._queue.jobs.get(run.job_id)
            if job is not None and job.state == RUNNING:
                times += self._own_times(job, run)
        return min(times)

    def check(self, now: float) -> list[Effect]:
        """Do what is due; inside a transaction."""
        self._heed_clock(now)
        effects: list[Effect] = []
        sampling = now >= self._sample_at
        for run in list(self._runs.runs.values()):
            job = self._queue.jobs.get(run.job_id)
            if job is None:
                continue
            if job.state == RUNNING:
                self._check_time(job, run, now, effects)
            if job.state == SUSPENDED and (sampling or now >= self._stop_at):
                effects.append(partial(self._runs.stop, run))
            if sampling:
                self._sample(job, run, now)
                self._sample_gpus(job, run)
            self._press_on(run, now, effects)
        self._stop_at = math.inf
        if sampling:
            self._sample_at = now + SAMPLE_S
        if now >= self._save_at:
            self._save_at = now + SAVE_S
            self._save()
        return effects

    def end(self, job: LocalJob, ending: str, now: float, *, at_once: bool = False) -> None:
        """Have a running job end in this state: TERM, and after a while KILL, once it is on disk.

        A second call only changes what is not yet under way.
        """
        if job.state in (RUNNING, SUSPENDED):
            job.go_on(now)
            job.state, job.ending = COMPLETING, ending
            self._queue.store.update(
                job, "state", "ending", "reason", "message", "suspend_time", "suspended_s"
            )
        run = self._runs.runs.get(job.id)
        if run is None:
            return  # not forked yet: press_on sees to it
        if at_once:
            run.kill_at = now
        elif run.kill_at is None:
            run.term_at = now

    def look_soon(self, now: float) -> None:
        """Stop what was suspended in this transaction as soon as that is on disk.

        Every sample stops again what is not: it may have been forked since, or a supervisor before
        us was killed before it came to it.
        """
        self._stop_at = now

    def usage(self, job_ids: list[int], now: float) -> list[Usage]:
        """What these jobs use at this moment."""
        found = []
        for job_id in job_ids:
            run = self._runs.runs.get(job_id)
            if run is None:
                continue
            pids = self._runs.below(run)
            if not pids:
                continue
            memory, cpu_s = process_tree.figures(pids)
            cpu_s += process_tree.reaped_cpu_s(run.pid)
            run.peak_bytes = max(run.peak_bytes, memory)
            used = Usage(job_id, int(now), memory, run.peak_bytes, cpu_s)
            job = self._queue.jobs.get(job_id)
            found.append(used if job is None else self._with_gpus(used, job, run))
        return found

    def _heed_clock(self, now: float) -> None:
        """Nothing that is due comes later than it was meant to, should the clock be set back."""
        self._sample_at = min(self._sample_at, now + SAMPLE_S)
        self._save_at = min(self._save_at, now + SAVE_S)
        for run in self._runs.runs.values():
            if run.term_at is not None:
                run.term_at = min(run.term_at, now + _NOBODY_YET_S)
            if run.kill_at is not None:
                run.kill_at = min(run.kill_at, now + max(self.kill_wait_s, _KILL_AGAIN_S))

    def _own_times(self, job: LocalJob, run: Run) -> list[float]:
        end = _end_of(job)
        if end is None:
            return []
        times = [end]
        if job.signal and not run.signalled:
            wanted = _signal_of(job)
            times += [end - wanted[1]] if wanted else []
        return times

    def _check_time(self, job: LocalJob, run: Run, now: float, effects: list[Effect]) -> None:
        end = _end_of(job)
        if end is None:
            return
        wanted = _signal_of(job)
        if wanted and not run.signalled and now >= end - wanted[1]:
            run.signalled = True
            number, _, shell = wanted
            effects.append(lambda: self.send(run, number, shell_only=shell))
        if now >= end:
            job.reason = "TimeLimit"
            job.message = "its walltime was over"
            self.end(job, "TIMEOUT", now)

    def _sample(self, job: LocalJob, run: Run, now: float) -> None:
        pids = self._runs.below(run)
        memory = process_tree.figures(pids).memory_bytes
        if memory > job.memory_bytes and run.group is None:
            shared_once = process_tree.proportional_bytes(pids)
            memory = memory if shared_once is None else shared_once
        run.peak_bytes = max(run.peak_bytes, memory)
        over = memory > job.memory_bytes if run.group is None else run.group.ended_for_memory()
        if over and job.state == RUNNING:
            used = max(memory, run.peak_bytes) if run.group is None else job.memory_bytes
            job.reason = "OutOfMemory"
            job.message = (f"its processes used {slurm_size(used)} of"
                           f" {slurm_size(job.memory_bytes)} of memory")  # fmt: skip
            self.end(job, "OUT_OF_MEMORY", now, at_once=True)

    def _with_gpus(self, used: Usage, job: LocalJob, run: Run) -> Usage:
        """The same with what NVML says of the job's GPUs."""
        given = _given(job)
        if not given:
            return used
        readings = self._sample_gpus(job, run)
        if not readings:
            return used._replace(gpu_note=_NO_FIGURES)
        totals = {gpu.number: gpu.memory_bytes for gpu in self.pool.gpus}
        return used._replace(
            gpu_percent=_mean_percent(readings),
            gpu_memory_bytes=sum(reading.used_bytes for reading in readings),
            gpu_memory_total_bytes=sum(totals[number] for number in given),
            gpu_source="nvml",
        )

    def _sample_gpus(self, job: LocalJob, run: Run) -> list[GpuReading]:
        """What NVML says of each of its GPUs, noted; nothing unless it says something of all."""
        given = _given(job)
        readings = [reading for n in given if (reading := self.pool.read(n)) is not None]
        if not readings or len(readings) != len(given):
            return []
        used = sum(reading.used_bytes for reading in readings)
        run.gpu_peak_bytes = max(run.gpu_peak_bytes or 0, used)
        percent = _mean_percent(readings)
        if percent is not None:
            run.gpu_percent_sum += percent
            run.gpu_samples += 1
        return readings

    def _press_on(self, run: Run, now: float, effects: list[Effect]) -> None:
        """TERM until somebody got it, then KILL until nobody is left."""
        if run.kill_at is not None and now >= run.kill_at:
            run.kill_at, run.term_at = now + _KILL_AGAIN_S, None
            effects.append(lambda: self._kill(run))
        elif run.term_at is not None and now >= run.term_at:
            if run.kill_at is None:
                run.kill_at = now + self.kill_wait_s
            run.term_at = now + _NOBODY_YET_S
            effects.append(lambda: self._terminate(run))

    def _kill(self, run: Run) -> None:
        """Kill all below the shepherd; the next time, should it not move on, the shepherd too."""
        process_tree.kill_below(run.pid)
        process_tree.send([run.pid], signal.SIGCONT)  # a shepherd that somebody stopped
        if run.kills and not self._runs.below(run):  # it may wait to open a log or a FIFO
            with suppress(OSError):
                signal.pidfd_send_signal(run.pidfd, signal.SIGKILL)
        run.kills += 1

    def _terminate(self, run: Run) -> None:
        pids = self._runs.below(run)
        if pids:
            process_tree.send(pids, signal.SIGCONT)
            process_tree.send(pids, signal.SIGTERM)
            run.term_at = None

    def send(self, run: Run, number: int, *, shell_only: bool) -> None:
        """Send a signal as scancel does: to the steps, or where there are none to the script."""
        pids = self._runs.below(run)
        steps = [] if shell_only else process_tree.step_tasks(pids)
        script = pids[:1]
        everybody = number == signal.SIGKILL and not shell_only
        process_tree.send(pids if everybody else steps or script, number)

    def _save(self) -> None:
        for run in self._runs.runs.values():
            job = self._queue.jobs.get(run.job_id)
            if job is not None and run.peak_bytes > (job.peak_bytes or 0):
                job.peak_bytes = run.peak_bytes
                self._queue.store.update(job, "peak_bytes")


def _given(job: LocalJob) -> list[int]:
    """The numbers of its GPUs."""
    return [int(index) for index in job.gpu_ids.split(",") if index]


def _mean_percent(readings: list[GpuReading]) -> float | None:
    percents = [r.utilisation_percent for r in readings if r.utilisation_percent is not None]
    return sum(percents) / len(percents) if len(percents) == len(readings) else None


def _end_of(job: LocalJob) -> float | None:
    if job.start_time is None or job.time_limit_s == UNLIMITED:
        return None
    return job.start_time + job.time_limit_s + job.suspended_s


def _signal_of(job: LocalJob) -> tuple[int, int, bool] | None:
    """Number, seconds before the end, whether only the script's shell gets it."""
    with suppress(BackendError):
        wanted = parse_signal(job.signal)
        if wanted:
            return signal_number(wanted[0]) or signal.SIGTERM, wanted[1], wanted[2]
    return None
