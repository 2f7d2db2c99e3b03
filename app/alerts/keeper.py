"""Looks for alerts on the board and keeps those that stand; each is told once.

Only this user's jobs are looked at. Work comes in slices, so that the loop it runs in keeps time.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from jobshape.app.alerts.facts import Facts, Lines, Pace
from jobshape.app.alerts.rules import alerts_of, is_bad_node
from jobshape.app.board.board import Board
from jobshape.app.board.hostlist import holds_node
from jobshape.app.board.usage_figures import of_this_run
from jobshape.app.board.words import state_words
from jobshape.app.domain.alert import LEVELS, Alert
from jobshape.app.domain.family import family_of
from jobshape.app.domain.finding import HIGH, MEDIUM, NONE, UNKNOWN, Finding
from jobshape.app.domain.job import Job
from jobshape.app.domain.site import Node
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.units import format_short_duration

HEALTHY_LOGS = 3
"""Logs of jobs that did well, which tell what is usual in a log that nothing explains."""

SLICE_JOBS, SLICE_CHANGES = 25, 1000
FRESH_S = 3600.0
"""A failure is news for an hour; those that ended while we looked stay longer."""

REMEMBER_S = 86400.0
OF_A_NODE = frozenset({
    "node_fail", "gpu_hardware", "fs_error", "cuda_runtime", "cuda_unavailable", "container",
    "mpi_comm", "bus_error", "illegal_instruction", "shared_lib", "disk_full", "collective_comm",
    "exec_permission", "time_skew",
})  # fmt: skip
"""Failures that a sick node causes oftener than a program."""

_ONE_NODE = re.compile(r"[^,\[\]]+")


class AlertKeeper:
    """The alerts of one board.

    acknowledged: keys that are to stay away. offer_resubmit: an alert of a failure names the key
    for it. Set from outside: ``silent_since``, ``looked_at``,
    ``pace`` (job id -> what looks at its log gave), ``typical_s`` (the median run of jobs like it),
    ``of_campaigns`` (alerts that are of no job).
    """

    def __init__(
        self,
        board: Board,
        clock: Callable[[], float],
        lines: Lines,
        *,
        acknowledged: Iterable[str] = (),
        offer_resubmit: bool = False,
    ) -> None:
        self._more = " r: resubmit." if offer_resubmit else ""
        self._board = board
        self._clock = clock
        self._lines = lines
        self._watch = board.watch()
        self._begun_at = clock()
        self._first = True
        self._running: set[int] = set()
        self._by_job: dict[int, tuple[Alert, ...]] = {}
        self._seen_at: dict[str, float] = {}  # every key ever raised -> when first
        self._failed: dict[int, Job] = {}
        self._lost_runs: dict[int, Alert] = {}  # of jobs that were put back in the queue
        self._did_well: dict[int, tuple[str, str]] = {}  # own jobs -> name, nodes
        self._bad: tuple[Node, ...] = ()
        self._bad_of: dict[str, dict[str, Node]] = {}  # a job's nodes in short form -> bad ones
        self._bad_revision = -1
        self.typical_s: Callable[[Job], float | None] = lambda job: None
        self.acknowledged = set(acknowledged)
        self.silent_since: Mapping[int, float] = {}
        self.looked_at: Mapping[int, float] = {}
        self.pace: Mapping[int, Pace] = {}
        self.of_campaigns: Sequence[Alert] = ()

    def acknowledge(self, keys: Iterable[str]) -> None:
        """Have these stay away."""
        self.acknowledged.update(keys)
        self._board.set_alerts(self._standing())

    @property
    def running(self) -> list[Job]:
        """This user's jobs that run."""
        jobs = self._board.jobs
        return [jobs[job_id] for job_id in self._running if job_id in jobs]

    def did_well_like(self, jobs: Iterable[Job], most: int = HEALTHY_LOGS) -> list[Job]:
        """The newest jobs that did well of each of these jobs' families, so many of each."""
        wanted: dict[str, list[Job]] = {family_of(job): [] for job in jobs}
        for job_id in sorted(self._did_well, reverse=True):
            job = self._board.jobs.get(job_id)
            found = wanted.get(family_of(job)) if job else None
            if job is not None and found is not None and len(found) < most:
                found.append(job)
        return [job for found in wanted.values() for job in found]

    def look(self) -> Iterator[None]:
        """Look at what changed and at all that runs, then put the alerts on the board.

        Yields after each slice; :meth:`news` then has those not told yet.
        """
        board, now = self._board, self._clock()
        if not board.link.user:
            return
        before = self._watch.take()
        changed: Iterable[int] = before
        if self._first:
            self._first = False
            changed = list(board.jobs)
        mine = board.link.user
        waiting: list[int] = []
        for at, job_id in enumerate(changed):
            if at % SLICE_CHANGES == SLICE_CHANGES - 1:
                yield
            job = board.jobs.get(job_id)
            for kept in (self._by_job, self._failed, self._did_well):
                kept.pop(job_id, None)
            self._see_restart(before.get(job_id), job, now)
            self._running.discard(job_id)
            if job is None or job.user != mine:
                continue
            phase = phase_of(job.state)
            if phase is Phase.RUNNING:
                self._running.add(job_id)
            elif phase is Phase.WAITING:
                waiting.append(job_id)
            elif phase is Phase.FAILED and now - (job.end_time or now) < REMEMBER_S:
                self._failed[job_id] = job
            elif job.state == "COMPLETED":
                self._did_well[job_id] = (job.name, job.node_list)
        self._see_nodes()
        for at, job_id in enumerate([*waiting, *self._running]):
            if at % SLICE_JOBS == SLICE_JOBS - 1:
                yield
            job = board.jobs.get(job_id)
            if job is None:
                self._running.discard(job_id)
                continue
            facts = Facts(
                job, now, of_this_run(board.usage_series.of(job_id), job.start_time),
                self._bad_nodes(job.node_list), self.silent_since.get(job_id),
                self.looked_at.get(job_id), self.pace.get(job_id, Pace()), self.typical_s(job),
                self._lines,
            )  # fmt: skip
            if found := tuple(alerts_of(facts)):
                self._by_job[job_id] = found
            else:  # most have none: nothing is kept of them
                self._by_job.pop(job_id, None)
        yield
        board.set_alerts(self._standing())

    def _see_restart(self, old: Job | None, new: Job | None, now: float) -> None:
        """A run that was lost is told, though the job goes on; until the job ends or leaves."""
        if new is None or phase_of(new.state) not in (Phase.RUNNING, Phase.WAITING):
            self._lost_runs.pop(new.job_id if new else old.job_id if old else 0, None)
            return
        if old is None or old.restarts is None or new.restarts is None:
            return
        if new.restarts > old.restarts and new.user == self._board.link.user:
            self._lost_runs[new.job_id] = restart_alert(old, new, now)

    def _see_nodes(self) -> None:
        """Which nodes are bad, worked out once for each answer about them."""
        if self._bad_revision == self._board.site_revision:
            return
        self._bad_revision = self._board.site_revision
        self._bad = tuple(node for node in self._board.nodes.values() if is_bad_node(node))
        self._bad_of = {}

    def _bad_nodes(self, node_list: str) -> Mapping[str, Node]:
        if not node_list or not self._bad:
            return {}
        if node_list not in self._bad_of:
            self._bad_of[node_list] = {
                node.name: node for node in self._bad if holds_node(node_list, node.name.lower())
            }
        return self._bad_of[node_list]

    def _standing(self) -> tuple[Alert, ...]:
        """All alerts now, the worst first, the newest first among equals."""
        found: dict[str, Alert] = {}
        for alerts in self._by_job.values():
            for alert in alerts:
                known = found.get(alert.key)
                found[alert.key] = known._replace(jobs=known.jobs + 1) if known else alert
        for alert in (*self._lost_runs.values(), *self._failures(), *self._same_node()):
            known = found.get(alert.key)
            found[alert.key] = known._replace(jobs=known.jobs + 1) if known else alert
        found |= {alert.key: alert for alert in self.of_campaigns}
        standing = [
            alert._replace(at=self._seen_at.get(alert.key, alert.at))
            for alert in found.values()
            if alert.key not in self.acknowledged
        ]
        return tuple(sorted(standing, key=lambda a: (LEVELS.index(a.level), -a.at, a.key)))

    def news(self) -> list[Alert]:
        """Alerts on the board that were not told before."""
        new = [alert for alert in self._board.alerts if alert.key not in self._seen_at]
        for alert in new:
            self._seen_at[alert.key] = alert.at
        return new

    # --- failures ----------------------------------------------------------------------------

    def _failures(self) -> Iterator[Alert]:
        now = self._clock()
        for job_id, job in list(self._failed.items()):
            ended = job.end_time or now
            if now - ended > REMEMBER_S or job_id not in self._board.jobs:
                del self._failed[job_id]
                continue
            if ended < self._begun_at and now - ended > FRESH_S:
                continue
            findings = self._board.findings.get(job_id)
            if findings is None:
                continue  # it is being looked into; it is told with its cause
            alert = failure_alert(job, findings, ended)
            yield alert._replace(fix=f"{alert.fix}{self._more}")

    def _same_node(self) -> Iterator[Alert]:
        """The same failure again on one node, where the node may be at fault."""
        if len(self._board.nodes) < 2:
            return
        failed: dict[str, dict[str, list[Job]]] = defaultdict(lambda: defaultdict(list))
        for job_id, job in self._failed.items():
            findings = self._board.findings.get(job_id)
            if not findings or findings[0].label in (NONE, UNKNOWN):
                continue
            if _ONE_NODE.fullmatch(job.node_list):
                failed[findings[0].label][job.node_list].append(job)
        for label, nodes in failed.items():
            for node, jobs in nodes.items():
                elsewhere = sum(map(len, nodes.values())) - len(jobs)
                if len(jobs) < 2 * max(1, elsewhere) or not self._accuses(label, node, jobs):
                    continue
                first = min(jobs, key=lambda job: job.job_id)
                yield Alert(
                    f"same_node:{node}:{label}:{first.job_id}", HIGH, "same_node",
                    f"{label} again on {node}",
                    f"{len(jobs)} jobs ended with {label} on {node}, {elsewhere} on all other"
                    " nodes.",
                    f"Leave the node out (--exclude={node}) and tell the administrators.",
                    first.job_id, first.label, first.name,
                    max(job.end_time or 0 for job in jobs), len(jobs),
                )  # fmt: skip

    def _accuses(self, label: str, node: str, jobs: Sequence[Job]) -> bool:
        """Whether it speaks against the node, not the program.

        Some failures do so by themselves; of others jobs of the same name must have done well
        elsewhere, and none there.
        """
        if label in OF_A_NODE:
            return len(jobs) >= 2
        if len(jobs) < 3:
            return False
        names = {job.name for job in jobs}
        well_on = {nodes for name, nodes in self._did_well.values() if name in names}
        return bool(well_on) and node not in well_on


def restart_alert(old: Job, new: Job, now: float) -> Alert:
    """What is told of a job that was put back in the queue: by its node's end, or by somebody."""
    where = f" on {old.node_list}" if old.node_list else ""
    ran = ""
    if old.start_time is not None and phase_of(old.state) is Phase.RUNNING:
        ran = f" after {format_short_duration(max(0, int(now - old.start_time)))}"
    return Alert(
        f"restart:{new.job_id}:{new.restarts}", MEDIUM, "restart", "started over: a run was lost",
        f"Its run{where} ended{ran} and Slurm put it back in the queue ({new.restarts} so far):"
        " the node failed, it was preempted, or somebody requeued it.",
        "Have it save its work and go on from there; if a node failed, leave that out.",
        new.job_id, new.label, new.name, now,
    )  # fmt: skip


def failure_alert(job: Job, findings: Sequence[Finding], ended: float) -> Alert:
    """What is told of a job that failed; the tasks of an array with the same cause share it."""
    top = findings[0] if findings else None
    label = top.label if top else UNKNOWN
    whose = job.array_job_id or f"{job.job_id}:{job.start_time}"
    shown = str(job.array_job_id) if job.array_job_id else job.label
    title = f"failed: {top.title}" if top and label != UNKNOWN else _ended_how(job)
    evidence = f" {top.evidence[0].text.strip()[:200]}" if top and top.evidence else ""
    return Alert(
        f"failed:{whose}:{label}",
        HIGH if label != "cancelled" else MEDIUM, "failed", title,
        f"{top.why if top else ''}{evidence}".strip() or "Nothing says why.",
        top.fix if top else "Look at the end of its log.",
        job.job_id, shown, job.name, ended,
    )  # fmt: skip


def _ended_how(job: Job) -> str:
    """What Slurm says of an end that nothing explains."""
    code = f", exit code {job.exit_code}" if job.exit_code not in ("", "0:0") else ""
    return f"{state_words(job.state).short}{code}, and nothing says why"
