"""What is asked of a site about the GPUs of running jobs: squeue, scontrol, srun."""

import re
from collections.abc import Callable, Sequence

from jobshape.app.backends.base import Scope
from jobshape.app.backends.commands import detail, queue
from jobshape.app.backends.commands.runner import Runner
from jobshape.app.backends.gpu_usage.dcgm import Slots
from jobshape.app.backends.gpu_usage.figures import NoFigures
from jobshape.app.backends.gpu_usage.probe import printable, probe_command, probe_environment
from jobshape.app.domain.job import Job

_GIVEN = re.compile(r"^ +Nodes=([A-Za-z0-9][^ =]*) CPU_IDs=\S* Mem=\S* GRES=(\S*)$", re.MULTILINE)
_GPU = re.compile(r"\bgpu(?::[^,(]*)?\(IDX:([0-9,-]+)\)")


class GpuSite:
    """The questions of :class:`~jobshape.app.backends.gpu_usage.reader.GpuReader`.

    prober: runs srun, once and not for long. count: counts the messages sent to the controller.
    """

    def __init__(
        self,
        runner: Runner,
        prober: Runner,
        *,
        user: Callable[[], str],
        count: Callable[..., None],
        mark: str,
    ) -> None:
        self._runner = runner
        self._prober = prober
        self._user = user
        self._count = count
        self._mark = mark

    def running(self, job_ids: Sequence[int]) -> list[Job]:
        """The records of own jobs; naming the user spares slurmctld everybody's jobs."""
        self._count("REQUEST_JOB_USER_INFO")
        command = queue.queue_command(Scope.MINE, jobs=list(map(str, job_ids)), mark=self._mark)
        text = self._runner.run([*command, f"--user={self._user()}"]).stdout
        return queue.parse_queue(text, mark=self._mark).jobs

    def slots(self, job_id: int) -> Slots:
        """Which GPUs Slurm gave a job, as `scontrol --details` tells."""
        self._count("REQUEST_JOB_INFO_SINGLE")
        given: dict[str, frozenset[str]] = {}
        for hosts, indices in parse_slots(
            self._runner.run(detail.detail_command(str(job_id))).stdout
        ):
            for node in self._hosts(hosts):
                given[node] = given.get(node, frozenset()) | indices
        return given

    def probe(self, job_id: int, nodes: int) -> str:
        """What nvidia-smi printed inside the job."""
        self._count("REQUEST_JOB_STEP_CREATE")
        here = self._prober.ssh_host is None
        output = self._prober.run(
            probe_command(job_id, nodes),
            action=True,
            check=False,
            plain=True,
            environment=probe_environment() if here else None,
        )
        if not output.stdout.strip():
            said = output.stderr.strip().splitlines() or [f"exit code {output.code}"]
            raise NoFigures(f"srun in the job: {printable(said[-1])}")
        return output.stdout

    def _hosts(self, hosts: str) -> list[str]:
        """Nodes of Slurm's short form; scontrol asks nobody for it."""
        if "[" not in hosts and "," not in hosts:
            return [hosts]
        return self._runner.run(["scontrol", "show", "hostnames", hosts]).stdout.split()


def parse_slots(text: str) -> list[tuple[str, frozenset[str]]]:
    """Nodes in Slurm's short form and the indices of the GPUs given there, from scontrol."""
    found = []
    for hosts, gres in _GIVEN.findall(text):
        indices = frozenset(index for said in _GPU.findall(gres) for index in _indices(said))
        if indices:
            found.append((hosts, indices))
    return found


def _indices(text: str) -> list[str]:
    """``0-1,3`` in single numbers."""
    found: list[str] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first.isdigit() and (last.isdigit() or not dash):
            end = min(int(last or first), int(first) + 1024)
            found += map(str, range(int(first), end + 1))
    return found
