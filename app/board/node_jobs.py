"""Which jobs hold a node, and which of mine wait: kept up by difference, for the nodes screen."""

from collections import Counter
from collections.abc import Iterator

from jobshape.app.board.board import Board, Watch
from jobshape.app.board.fragments import Shape, shape_of
from jobshape.app.board.hostlist import holds_node, names_in
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, phase_of

_UNAVAILABLE = "UnavailableNodes:"


class NodeJobs:
    """An index of one board's jobs; :meth:`refresh` takes in what changed since the last time.

    Empty until it was built; :meth:`forget` empties it, so that nothing is kept while nobody looks.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self.forget()

    def forget(self) -> None:
        """Keep nothing, and follow nothing."""
        self.is_built = False
        self._user = self._board.link.user
        self._watch: Watch | None = None
        self._by_list: dict[str, set[int]] = {}
        self._several: set[str] = set()  # node lists that name more than one node
        self._my_running: set[int] = set()
        self._my_waiting: dict[Shape, set[int]] = {}

    def build_steps(self, at_once: int = 2_000) -> Iterator[None]:
        """Take in all jobs, so many at a time; what changes meanwhile is taken in afterwards."""
        self.forget()
        self._watch = self._board.watch()
        for number, job in enumerate(list(self._board.jobs.values()), 1):
            self._take(job)
            if number % at_once == 0:
                yield
        self.is_built = True

    def build(self) -> None:
        """Take in all jobs in one go."""
        for _ in self.build_steps():
            pass

    def refresh(self) -> bool:
        """Take in what changed; whether anything did."""
        if self._board.link.user != self._user:
            self.build()  # whose jobs are mine is another
            return True
        changes = self._watch.take() if self._watch is not None else {}
        for job_id, before in changes.items():
            if before is not None:
                self._drop(before)
            after = self._board.jobs.get(job_id)
            if after is not None:
                self._take(after)
        return bool(changes)

    def is_mine(self, job: Job) -> bool:
        """Whether it is this person's; while nobody said who that is, every job read is."""
        return not self._user or job.user == self._user

    def _take(self, job: Job) -> None:
        phase = phase_of(job.state)
        if phase is Phase.WAITING:
            if self.is_mine(job):
                self._my_waiting.setdefault(shape_of(job), set()).add(job.job_id)
        elif phase is Phase.RUNNING and job.node_list:
            held = self._by_list.get(job.node_list)
            if held is None:
                held = self._by_list[job.node_list] = set()
                if "[" in job.node_list or "," in job.node_list:
                    self._several.add(job.node_list)
            held.add(job.job_id)
            if self.is_mine(job):
                self._my_running.add(job.job_id)

    def _drop(self, job: Job) -> None:
        if phase_of(job.state) is Phase.WAITING and self.is_mine(job):
            self._drop_waiting(job)
        self._my_running.discard(job.job_id)
        held = self._by_list.get(job.node_list)
        if held is not None:
            held.discard(job.job_id)
            if not held:
                del self._by_list[job.node_list]
                self._several.discard(job.node_list)

    def _drop_waiting(self, job: Job) -> None:
        shape = shape_of(job)
        alike = self._my_waiting.get(shape)
        if alike is not None:
            alike.discard(job.job_id)
            if not alike:
                del self._my_waiting[shape]

    def on_node(self, name: str) -> list[Job]:
        """The jobs that hold a node, mine first, then by id."""
        ids = set(self._by_list.get(name, ()))
        lower = name.lower()
        for node_list in self._several:
            if holds_node(node_list, lower):
                ids |= self._by_list[node_list]
        jobs = self._board.jobs
        found = [jobs[job_id] for job_id in ids if job_id in jobs]
        return sorted(found, key=lambda job: (not self.is_mine(job), job.job_id))

    def waiting(self) -> list[tuple[Shape, list[Job]]]:
        """My pending jobs, those of one shape together, by their lowest id."""
        jobs = self._board.jobs
        found = [
            (shape, [jobs[job_id] for job_id in sorted(ids) if job_id in jobs])
            for shape, ids in self._my_waiting.items()
        ]
        return sorted((one for one in found if one[1]), key=lambda one: one[1][0].job_id)

    def my_nodes(self) -> Counter[str]:
        """The nodes where jobs of mine run, and how many."""
        jobs = self._board.jobs
        lists = Counter(jobs[job_id].node_list for job_id in self._my_running if job_id in jobs)
        return _written_out(lists)

    def asked_nodes(self) -> Counter[str]:
        """The nodes of which Slurm says that pending jobs of mine wait for them, and how many."""
        lists: Counter[str] = Counter()
        for _, jobs in self.waiting():
            for job in jobs:
                _, marked, names = job.reason.partition(_UNAVAILABLE)
                if marked:
                    lists[names.strip()] += 1
        return _written_out(lists)


def _written_out(lists: Counter[str]) -> Counter[str]:
    """Node lists counted -> their nodes counted."""
    found: Counter[str] = Counter()
    for node_list, count in lists.items():
        for name in names_in(node_list):
            found[name] += count
    return found
