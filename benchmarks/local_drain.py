"""How fast the local site drains 10,000 jobs of ``true``, and what its supervisor costs.

``python benchmarks/local_drain.py [JOBS]`` on an otherwise idle machine; prints a table.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from jobshape.app.backends.base import Scope
from jobshape.app.backends.local import launch
from jobshape.app.backends.local.backend import LocalBackend
from jobshape.app.backends.local.config import LocalPartition, LocalSite
from jobshape.app.backends.local.folder import SiteFolder
from jobshape.app.backends.local.store import Store
from jobshape.app.backends.local.supervisor import stop_supervisor
from jobshape.app.domain.request import SubmitRequest

SCRIPT = "#!/bin/sh\ntrue\n"
IDLE_S = 20.0
TICKS = os.sysconf("SC_CLK_TCK")


class Bench:
    """One site, measured from start to end."""

    def __init__(self, folder: Path, cpus: int) -> None:
        self.folder = folder
        self.site = LocalSite(
            folder=str(folder / "site"), cpus=cpus, gpus="none", ended_stay_s=1.0,
            partitions=(LocalPartition("main", default_memory_bytes=64 << 20),),
        )  # fmt: skip
        self.backend = LocalBackend(self.site)

    def submit(self, array: str | None = None) -> int:
        """One job, or an array."""
        request = SubmitRequest(SCRIPT, stdout="/dev/null", work_dir="/", array=array,
                                environment={"PATH": os.defpath})  # fmt: skip
        return self.backend.submit(request)

    def block(self) -> str:
        """A job that keeps all others waiting."""
        request = SubmitRequest("#!/bin/sh\nsleep 9999\n", stdout="/dev/null", work_dir="/",
                                cpus_per_task=self.site.cpus)  # fmt: skip
        return str(self.backend.submit(request))

    def singles(self, jobs: int) -> int:
        """So many jobs one by one; gives the first one's id."""
        ids = [self.submit() for _ in range(jobs)]
        return ids[0]

    def one(self, jobs: int) -> int:
        """An array of so many tasks; gives its id."""
        return self.submit(f"1-{jobs}")

    def pid(self) -> int:
        """The supervisor."""
        pid = launch.running_pid(SiteFolder(self.site.folder))
        assert pid
        return pid

    def cpu_s(self) -> float:
        """What it has used so far, without its children."""
        fields = Path(f"/proc/{self.pid()}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def pss_mb(self) -> float:
        """Its memory, pages shared with others counted in part."""
        rollup = Path(f"/proc/{self.pid()}/smaps_rollup").read_text()
        kib = next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:"))
        return int(kib) / 1024

    def busy(self) -> bool:
        """Whether anything is not over."""
        store = Store.to_read(Path(self.site.folder) / "queue.db")
        assert store
        try:
            return store.has_work()
        finally:
            store.close()

    def drain(self) -> None:
        """Wait until all are over."""
        while self.busy():
            time.sleep(0.25)

    def end(self) -> None:
        """Take it down."""
        stop_supervisor(self.site.folder, kill_jobs=True)


def measure(jobs: int, cpus: int) -> list[tuple[str, str]]:
    """The table's lines."""
    lines: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="jobshape-bench-") as folder:
        bench = Bench(Path(folder), cpus)
        try:
            bench.submit()
            bench.drain()
            lines.append(("PSS of an empty supervisor", f"{bench.pss_mb():.1f} MB"))
            started = bench.cpu_s()
            time.sleep(IDLE_S)
            share = (bench.cpu_s() - started) / IDLE_S
            lines.append(("CPU of an empty supervisor, share of a core", f"{share:.2%}"))

            for what, submit in (("single jobs", bench.singles), ("tasks of one array", bench.one)):
                blocker = bench.block()
                started = time.monotonic()
                first = submit(jobs)
                took = time.monotonic() - started
                lines.append((f"submit {jobs} {what}", f"{took:.2f} s"))
                started = time.monotonic()
                bench.backend.queue(Scope.MINE)
                lines.append(("one reading of that queue", f"{time.monotonic() - started:.2f} s"))
                lines.append(("PSS of the supervisor with it", f"{bench.pss_mb():.1f} MB"))
                cpu = bench.cpu_s()
                bench.backend.cancel(blocker)
                bench.drain()
                cpu = (bench.cpu_s() - cpu) / jobs
                lines.append((f"drain of {jobs} {what}", rate(bench, first, jobs)))
                lines.append(("supervisor's own CPU a job", f"{cpu * 1e3:.2f} ms"))
            lines.append(("PSS after all that", f"{bench.pss_mb():.1f} MB"))
        finally:
            bench.end()
    return lines


def rate(bench: Bench, first: int, jobs: int) -> str:
    """Jobs a second, from the first start to the last end."""
    found = [a.job for a in bench.backend.accounting(Scope.MINE, 0) if a.job.job_id >= first]
    assert len(found) == jobs and {job.state for job in found} == {"COMPLETED"}
    store = Store.to_read(Path(bench.site.folder) / "queue.db")
    assert store
    rows = [row for row in store.between(0, time.time()) if row.id >= first]
    store.close()
    took = max(r.end_time or 0 for r in rows) - min(r.start_time or 9e18 for r in rows)
    return f"{jobs / took:.0f} jobs/s"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", nargs="?", type=int, default=10_000)
    parser.add_argument("--cpus", type=int, default=2, help="CPUs that the site gives away")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} CPUs here, the site gives {arguments.cpus}, Python {sys.version[:6]}")
    for what, figure in measure(arguments.jobs, arguments.cpus):
        print(f"  {what:<45} {figure:>12}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
