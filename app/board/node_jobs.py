"""Which jobs hold a node, and which of mine wait: kept up by difference, for the nodes screen."""

from jobshape.app.board.board import Board
from jobshape.app.board.hostlist import holds_node, names_in
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, phase_of

_UNAVAILABLE = "UnavailableNodes:"


class NodeJobs:
    """An index of one board's jobs; :meth:`refresh` takes in what changed since the last time."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._begin()

    def _begin(self) -> None:
        self._user = self._board.link.user
        self._watch = self._board.watch()
        self._by_list: dict[str, set[int]] = {}
        self._several: set[str] = set()  # node lists that name more than one node
        self._my_running: set[int] = set()
        self._my_waiting: set[int] = set()
        for job in self._board.jobs.values():
            self._take(job)

    def refresh(self) -> bool:
        """Take in what changed; whether anything did."""
        if self._board.link.user != self._user:
            self._begin()  # whose jobs are mine is another
            return True
        changes = self._watch.take()
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
                self._my_waiting.add(job.job_id)
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
        self._my_waiting.discard(job.job_id)
        self._my_running.discard(job.job_id)
        held = self._by_list.get(job.node_list)
        if held is not None:
            held.discard(job.job_id)
            if not held:
                del self._by_list[job.node_list]
                self._several.discard(job.node_list)

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

    def waiting(self) -> list[Job]:
        """My pending jobs, by id."""
        jobs = self._board.jobs
        return [jobs[job_id] for job_id in sorted(self._my_waiting) if job_id in jobs]

    def my_nodes(self) -> frozenset[str]:
        """The nodes where a job of mine runs."""
        jobs = self._board.jobs
        lists = {jobs[job_id].node_list for job_id in self._my_running if job_id in jobs}
        return frozenset(name for one in lists for name in names_in(one))

    def asking_for(self, name: str) -> list[Job]:
        """My pending jobs of which Slurm says that they wait because of this very node."""
        lower = name.lower()
        found = []
        for job in self.waiting():
            _, marked, names = job.reason.partition(_UNAVAILABLE)
            if marked and holds_node(names.strip(), lower):
                found.append(job)
        return found
