"""What the contract tests expect of the site they run on: the few things that sites differ in."""

from __future__ import annotations

import getpass
import json
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobshape.app.backends.base import Backend
from jobshape.app.domain.errors import BackendError
from jobshape.app.domain.request import SubmitRequest


@dataclass(frozen=True)
class SiteFacts:
    """One kind of site. Where it cannot have something, a test asserts that it says so."""

    user: str
    account: str  # of this user's jobs that name none
    accounts: tuple[str, ...]
    cluster: str  # patterns
    version: str
    nodes: frozenset[str]
    gpu_node: str
    featured_node: str  # one whose features are "busy", "" for none
    smoke_nodes: int
    smoke_tier: int
    main_on_gpu_node: bool
    most_nodes: int  # of one job
    het_jobs: bool
    checks_accounts: bool  # refuses an account or QOS that is not there
    refuses_long_limits: bool  # at submission; else such a job waits for ever
    has_controller: bool  # with a cost
    gpu_source: str  # of a running job's GPU figures
    gpu_percents: tuple[float, float]  # the least and the most that a GPU of it may show
    accounts_gpus: bool  # accounting knows what they did

    def sbatch(self, backend: Backend, folder: Path, script: str, options: Sequence[str]) -> str:
        """Submit with sbatch itself; gives the job's id."""
        command = ["sbatch", "--parsable", f"--chdir={folder}", *options]
        done = subprocess.run(command, input=script.encode(errors="surrogateescape"),
                              capture_output=True, check=True)  # fmt: skip
        return done.stdout.decode().strip().partition(";")[0]

    def cancel(self, backend: Backend, jobs: Sequence[str]) -> None:
        """Cancel all of these, whatever has become of them."""
        subprocess.run(["scancel", *jobs], check=False, capture_output=True)


class LocalFacts(SiteFacts):
    """This machine, where no sbatch is: its options stand in the script."""

    def sbatch(self, backend: Backend, folder: Path, script: str, options: Sequence[str]) -> str:
        """Submit with these options as lines of the script."""
        first, _, rest = script.partition("\n")
        lines = "".join(f"#SBATCH {option}\n" for option in options)
        request = SubmitRequest(f"{first}\n{lines}{rest}", work_dir=str(folder))
        return str(backend.submit(request))

    def cancel(self, backend: Backend, jobs: Sequence[str]) -> None:
        """Cancel all of these, whatever has become of them."""
        for job in jobs:
            with suppress(BackendError):
                backend.cancel(job)


BOX = SiteFacts(
    user="alice", account="physics", accounts=("physics",), cluster="box.*",
    version=r"slurm \d\d\.\d\d\.\d+", nodes=frozenset({"n1", "n2", "g1", "b1"}), gpu_node="g1",
    featured_node="b1", smoke_nodes=3, smoke_tier=10, main_on_gpu_node=False, most_nodes=2,
    het_jobs=True, checks_accounts=True, refuses_long_limits=False, has_controller=True,
    gpu_source="nvidia-smi", gpu_percents=(40, 70), accounts_gpus=False,
)  # fmt: skip
"""A test cluster of tests/cluster/box."""

_HERE = socket.gethostname().partition(".")[0]

THIS_MACHINE = LocalFacts(
    user=getpass.getuser(), account="", accounts=(), cluster="here",
    version=r"jobshape \d+\.\d+\.\d+", nodes=frozenset({_HERE}), gpu_node=_HERE,
    featured_node="", smoke_nodes=1, smoke_tier=1, main_on_gpu_node=True, most_nodes=1,
    het_jobs=False, checks_accounts=False, refuses_long_limits=True, has_controller=False,
    gpu_source="nvml", gpu_percents=(0, 0), accounts_gpus=True,
)  # fmt: skip
"""The local site that :func:`local_backend` makes."""


def local_backend(folder: Path) -> Backend:
    """A local site of its own: more slots than this machine has, four GPUs that do not exist."""
    from jobshape.app.backends.local.backend import LocalBackend
    from jobshape.app.backends.local.config import LocalPartition, LocalSite

    nvml = folder / "nvml.json"
    gpu = {"name": "NVIDIA A100-SXM4-80GB", "memory_bytes": 80 << 30, "used_bytes": 0,
           "utilisation_percent": 0}  # fmt: skip
    nvml.write_text(json.dumps({"gpus": [gpu] * 4}))
    site = LocalSite(
        folder=str(folder / "site"), name="here", cpus=32, memory_bytes=32 << 30, gpus=str(nvml),
        partitions=(
            LocalPartition("main", time_limit_s=86400),
            LocalPartition("smoke", role="smoke", time_limit_s=600, default_time_s=300),
            LocalPartition("gpu", time_limit_s=86400),
        ),
        ended_stay_s=20.0, kill_wait_s=2.0,
    )  # fmt: skip
    return LocalBackend(site)


def end_local(folder: Path) -> None:
    """End the local site's supervisor and its jobs."""
    from jobshape.app.backends.local.supervisor import stop_supervisor

    stop_supervisor(str(folder / "site"), kill_jobs=True)
