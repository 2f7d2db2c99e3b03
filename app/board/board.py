"""The board: the app's picture of the site in memory, indexed, with a journal of what changed."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from weakref import WeakSet

from jobshape.app.board.arrays import Family, Tally
from jobshape.app.board.history_state import HistoryState
from jobshape.app.board.link import STARTING, Link
from jobshape.app.board.summary import PartitionSummary, Summary
from jobshape.app.board.usage_series import UsageSeries
from jobshape.app.domain.alert import Alert
from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import Job, Usage
from jobshape.app.domain.site import Node, Partition


class Watch:
    """What changed since a view last looked: job id -> the record it had then, None for none.

    Held by one view and dropped with it; ``take`` empties it.
    """

    def __init__(self) -> None:
        self.before: dict[int, Job | None] = {}

    def take(self) -> dict[int, Job | None]:
        """Everything since the last take; starts anew."""
        taken, self.before = self.before, {}
        return taken


class Board:
    """Jobs, nodes, partitions and live usage of one site, as last heard.

    Changed from one thread only, in slices as they arrive (a thousand jobs take 2 ms).
    Readers compare ``revision`` (any change), ``jobs_revision`` or ``site_revision`` (nodes and
    partitions) with what they drew. Mappings are for reading only.
    """

    def __init__(self, link: Link = STARTING) -> None:
        self.jobs: dict[int, Job] = {}
        self.nodes: dict[str, Node] = {}
        self.partitions: dict[str, Partition] = {}
        self.usage: dict[int, Usage] = {}
        self.findings: dict[int, tuple[Finding, ...]] = {}  # of jobs that were looked into
        self.alerts: tuple[Alert, ...] = ()  # those that stand, the worst first
        self.usage_series = UsageSeries()
        self.arrays: dict[int, Family] = {}
        self.hets: dict[int, Family] = {}
        self.tally = Tally()  # tasks by phase, of all jobs held
        self.link = link
        self.history = HistoryState()
        self.revision = 0
        self.jobs_revision = 0
        self.site_revision = 0
        self._summary = Summary()
        self._values: dict[str, tuple[int, list[str]]] = {}
        self._watches: WeakSet[Watch] = WeakSet()

    def change_jobs(self, upserts: Sequence[Job], gone: Iterable[int] = ()) -> None:
        """Put these records in place of the old ones and forget those that are gone.

        A record equal to the one held is no change; an id that is not held is not gone.
        """
        watches = tuple(self._watches)
        changed = False
        for job in upserts:
            old = self.jobs.get(job.job_id)
            if old == job:
                continue
            changed = True
            self._replace(job.job_id, old, job, watches)
        for job_id in gone:
            old = self.jobs.get(job_id)
            if old is not None:
                changed = True
                self._replace(job_id, old, None, watches)
        if changed:
            self.revision += 1
            self.jobs_revision += 1

    def _replace(
        self, job_id: int, old: Job | None, new: Job | None, watches: tuple[Watch, ...]
    ) -> None:
        for watch in watches:
            watch.before.setdefault(job_id, old)
        if old is not None:
            self._leave_family(old)
            self._summary.count_job(old, -1)
            self.tally.add(old, -1)
        if new is None:
            del self.jobs[job_id]
            self.usage.pop(job_id, None)
            self.findings.pop(job_id, None)
        else:
            if old is not None and old.state != new.state:
                self.findings.pop(job_id, None)  # they were of its last run
            self.jobs[job_id] = new
            self._join_family(new)
            self._summary.count_job(new, +1)
            self.tally.add(new)

    def _join_family(self, job: Job) -> None:
        if job.array_job_id is not None:
            self.arrays.setdefault(job.array_job_id, Family()).add(job)
        elif job.het_job_id is not None:
            self.hets.setdefault(job.het_job_id, Family()).add(job)

    def _leave_family(self, job: Job) -> None:
        if job.array_job_id is not None:
            families, family_id = self.arrays, job.array_job_id
        elif job.het_job_id is not None:
            families, family_id = self.hets, job.het_job_id
        else:
            return
        family = families[family_id]
        family.remove(job)
        if not family.job_ids:
            del families[family_id]

    def set_nodes(self, changed: Iterable[Node], gone: Iterable[str] = ()) -> None:
        """Put these nodes in place of the old ones and forget those that are gone."""
        different = {node.name: node for node in changed if self.nodes.get(node.name) != node}
        left = {name for name in gone if name in self.nodes}
        for name in different.keys() | left:
            if (old := self.nodes.pop(name, None)) is not None:
                self._summary.count_node(old, -1)
        for name, node in different.items():
            if name in left:
                continue
            self.nodes[name] = node
            self._summary.count_node(node, +1)
        if different or left:
            self._changed_site()

    def set_partitions(self, partitions: Iterable[Partition]) -> None:
        """These are all partitions, in the site's order."""
        new = {partition.name: partition for partition in partitions}
        if list(new.values()) != list(self.partitions.values()):
            self.partitions = new
            self._changed_site()

    def set_usage(self, usage: Iterable[Usage]) -> None:
        """Newer usage of these jobs; usage of other jobs stays until they leave the board."""
        fresh = {one.job_id: one for one in usage if self.usage.get(one.job_id) != one}
        if fresh:
            self.usage.update(fresh)
            self.usage_series.add(fresh.values())
            self.revision += 1

    def set_findings(self, job_id: int, findings: Sequence[Finding]) -> None:
        """What a look into a job gave, the likeliest cause first; nothing for a job not held."""
        if job_id in self.jobs and self.findings.get(job_id) != tuple(findings):
            self.findings[job_id] = tuple(findings)
            self.revision += 1

    def forget_findings(self, job_id: int) -> None:
        """It is to be looked into again."""
        if self.findings.pop(job_id, None) is not None:
            self.revision += 1

    def set_alerts(self, alerts: Sequence[Alert]) -> None:
        """The alerts that stand now."""
        if self.alerts != tuple(alerts):
            self.alerts = tuple(alerts)
            self.revision += 1

    def set_link(self, link: Link) -> None:
        """How the connection to the collector stands."""
        if link != self.link:
            self.link = link
            self.revision += 1

    def set_history(self, history: HistoryState) -> None:
        """How the history stands."""
        if history != self.history:
            self.history = history
            self.revision += 1

    def _changed_site(self) -> None:
        self.revision += 1
        self.site_revision += 1

    def watch(self) -> Watch:
        """A journal of job changes from now on, for one view; it ends when the view drops it."""
        watch = Watch()
        self._watches.add(watch)
        return watch

    def family_of(self, job: Job) -> Family | None:
        """The array or heterogeneous job this record is part of, None if of none."""
        if job.array_job_id is not None:
            return self.arrays.get(job.array_job_id)
        if job.het_job_id is not None:
            return self.hets.get(job.het_job_id)
        return None

    def values(self, field: str) -> list[str]:
        """The different texts of a field of the jobs, sorted, without ""; kept until jobs change.

        4 ms at 100,000 jobs the first time.
        """
        kept = self._values.get(field)
        if kept is None or kept[0] != self.jobs_revision:
            read = attrgetter(field)
            seen = {read(job) for job in self.jobs.values()}
            kept = self._values[field] = (self.jobs_revision, sorted(seen - {""}))
        return kept[1]

    def summaries(self) -> list[PartitionSummary]:
        """One line a partition, in the site's order; a partition only jobs name comes last.

        Cheap: kept by difference, and put together again only after a change.
        """
        return self._summary.lines(
            self.partitions, self.link.scope, (self.jobs_revision, self.site_revision)
        )
