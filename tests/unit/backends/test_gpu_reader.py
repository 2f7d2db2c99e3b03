"""Which source gives the figures of which job, how often it is asked, and what is said of none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest
from jobshape.app.backends.commands.gpu_site import parse_slots
from jobshape.app.backends.gpu_usage.figures import HINT, PROBE_STEP, GpuFigures, NoFigures
from jobshape.app.backends.gpu_usage.probe import (
    parse_probe,
    probe_command,
    probe_environment,
)
from jobshape.app.backends.gpu_usage.reader import GpuReader, Notes
from jobshape.app.backends.gpu_usage.slurm import (
    GpuUse,
    StepGpus,
    accounted,
    added_up,
    gpu_use_of,
    mean_percent,
)
from jobshape.app.backends.gpu_usage.sources import DEFAULT_SOURCES, GpuSources
from jobshape.app.domain.errors import Unreachable
from jobshape.app.domain.job import NO_JOB, Job, Usage

MIB, GIB = 1 << 20, 1 << 30
PROBED = "0: gpus 0,1 on g1\n0: 0, 40, 10240, 81920\n0: 1, 50, 20480, 81920\n"


class PretendSite:
    """A site whose answers are set by the test, with a count of what it was asked."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs = {job.job_id: job for job in jobs}
        self.printed: dict[int, str | Exception] = {}
        self.given: dict[int, Mapping[str, frozenset[str]]] = {}
        self.asked: list[str] = []

    def running(self, job_ids: Sequence[int]) -> list[Job]:
        self.asked.append(f"running {job_ids}")
        return [self.jobs[i] for i in job_ids if i in self.jobs]

    def slots(self, job_id: int) -> Mapping[str, frozenset[str]]:
        self.asked.append(f"slots {job_id}")
        return self.given.get(job_id, {})

    def probe(self, job_id: int, nodes: int) -> str:
        self.asked.append(f"probe {job_id}")
        said = self.printed[job_id]
        if isinstance(said, Exception):
            raise said
        return said

    def count(self, kind: str) -> int:
        return sum(1 for asked in self.asked if asked.startswith(kind))


class Bench:
    """A reader with a clock to turn; notes go round as they do in a collector."""

    def __init__(
        self, site: PretendSite, sources: GpuSources = DEFAULT_SOURCES, *, looked_at: bool = True
    ) -> None:
        self.site = site
        self.now = 1000.0
        self.pages: dict[str, str | NoFigures] = {}
        self.fetched: list[str] = []
        self.notes: Notes = {}
        self.reader = GpuReader(
            sources, site, looked_at=looked_at, clock=lambda: self.now, get=self._get
        )

    def _get(self, url: str, timeout_s: float) -> str:
        self.fetched.append(url)
        page = next((page for part, page in self.pages.items() if part in url), NoFigures("nobody"))
        if isinstance(page, NoFigures):
            raise page
        return page

    def read(
        self, *job_ids: int, measured: Mapping[int, GpuUse] | None = None, memory: int = GIB
    ) -> dict[int, Usage]:
        found = [Usage(i, 5, memory, memory, 1.0) for i in job_ids]
        filled, self.notes = self.reader.fill(found, lambda _: measured or {}, self.notes)
        return {usage.job_id: usage for usage in filled}


def gpu_job(job_id: int, gpus: int = 2, **fields: object) -> Job:
    known: dict[str, object] = {
        "job_id": job_id, "state": "RUNNING", "gpus": gpus, "nodes": 1, "node_list": "g1",
        "memory_bytes": 8 * GIB,
    }  # fmt: skip
    return NO_JOB._replace(**{**known, **fields})  # type: ignore[arg-type]


# --- Slurm ---------------------------------------------------------------------------------

# Printed by sacct --format=TRESUsageInMax of a site with AutoDetect=nvml (a public guide of 2026).
OF_A_SITE = (
    "cpu=00:56:24,energy=0,fs/disk=350130624578,gres/gpumem=40777023488,gres/gpuutil=100,"
    "mem=10621726720,pages=3465,vmem=10439041024"
)
OF_ITS_EXTERN = "cpu=00:00:00,energy=0,fs/disk=5273,gres/gpumem=0,gres/gpuutil=0,mem=262144"


def test_what_slurm_measured() -> None:
    assert gpu_use_of(OF_A_SITE) == GpuUse(100, 40777023488)
    for nothing in (OF_ITS_EXTERN, "", "cpu=1", "gres/gpuutil=18446744073709551615",
                    "gres/gpumem=x,gres/gpuutil="):  # fmt: skip
        assert gpu_use_of(nothing) == GpuUse()
    both = added_up([gpu_use_of(OF_A_SITE), gpu_use_of(OF_ITS_EXTERN), GpuUse(96, None)])
    assert both == GpuUse(196, 40777023488)
    assert (mean_percent(396, 4), mean_percent(396, None), mean_percent(101, 1)) == (99, None, None)


def test_what_accounting_says_of_gpus() -> None:
    busy = StepGpus(GpuUse(180, 10), GpuUse(190, 30), 60)
    later = StepGpus(GpuUse(100, 40), GpuUse(100, 35), 40)
    nothing = StepGpus(GpuUse(), GpuUse(), 100)
    assert accounted([busy, later, nothing], 2, 100) == (74.0, 40)
    assert accounted([nothing], 2, 100) == (None, None)
    assert accounted([], 2, 100) == (None, None)
    assert accounted([busy], None, 100) == (None, 30)
    assert accounted([busy], 2, 0) == (None, 30)


def test_slurms_own_figures_come_first() -> None:
    bench = Bench(PretendSite(gpu_job(7)), GpuSources("http://p:9090", probe=True))
    usage = bench.read(7, measured={7: GpuUse(150, 3 * GIB)})[7]
    assert usage[5:] == (75.0, 3 * GIB, None, "slurm", "")
    assert not bench.fetched and bench.site.count("probe") == 0


def test_slurm_is_not_asked_at_every_reading_where_it_costs_and_has_nothing() -> None:
    bench = Bench(PretendSite(gpu_job(7), gpu_job(8)), GpuSources(probe=False))
    asked: list[list[int]] = []

    def uses(job_ids: Sequence[int]) -> Mapping[int, GpuUse]:
        asked.append(list(job_ids))
        return {7: GpuUse(50, 1)}

    for _ in range(7):
        found = [Usage(i, 5, GIB, GIB, 1.0) for i in (7, 8)]
        found, bench.notes = bench.reader.fill(found, uses, bench.notes, slurm_again_s=30)
        assert found[0].gpu_source == "slurm"
        assert "Slurm measured none" in found[1].gpu_note
        bench.now += 10
    assert [8 in job_ids for job_ids in asked] == [True, False, False, True, False, False, True]


def test_a_job_without_gpus_is_left_as_it_is_and_asked_of_once() -> None:
    bench = Bench(PretendSite(gpu_job(7, gpus=0)))
    for _ in range(3):
        assert bench.read(7, 8)[7] == Usage(7, 5, GIB, GIB, 1.0)
        bench.now += 10
    assert bench.site.asked == ["running [7, 8]"]
    bench.now += 300  # it may have been requeued since
    bench.read(7)
    assert bench.site.count("running") == 2


# --- nvidia-smi ----------------------------------------------------------------------------


def test_nvidia_smi_is_asked_once_a_minute_and_its_reading_stays() -> None:
    bench = Bench(PretendSite(gpu_job(7)))
    bench.site.printed[7] = PROBED
    for _ in range(6):
        usage = bench.read(7, measured={7: GpuUse(None, 99)})[7]
        assert usage[5:] == (45.0, 30720 * MIB, 160 * GIB, "nvidia-smi", "")
        bench.now += 10
    assert bench.site.count("probe") == 1
    bench.site.printed[7] = NoFigures("srun in the job: Job step creation temporarily disabled")
    usage = bench.read(7, measured={7: GpuUse(None, 99)})[7]
    assert bench.site.count("probe") == 2
    assert usage[5:] == (None, 99, None, "slurm", "")  # memory at least
    usage = bench.read(7)[7]
    assert usage[5:9] == (None, None, None, "")
    assert usage.gpu_note == (
        "no GPU figures: Slurm measured none; srun in the job: Job step creation temporarily"
        f" disabled. To get them: {HINT}"
    )
    bench.now += 200
    bench.read(7)
    assert bench.site.count("probe") == 2  # a failed one is not tried again so soon
    bench.now += 200
    bench.site.printed[7] = PROBED
    assert bench.read(7)[7].gpu_percent == 45.0


def test_only_so_many_jobs_at_a_time_and_each_gets_its_turn() -> None:
    bench = Bench(PretendSite(*(gpu_job(i) for i in range(1, 11))))
    bench.site.printed = dict.fromkeys(range(1, 11), PROBED)
    first = bench.read(*range(1, 11))
    assert bench.site.count("probe") == 4
    assert "nvidia-smi in the job was not asked yet" in first[10].gpu_note
    bench.now += 10
    bench.read(*range(1, 11))
    last = bench.read(*range(1, 11))
    assert bench.site.count("probe") == 10
    assert {usage.gpu_percent for usage in last.values()} == {45.0}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"state": "SUSPENDED"}, "the job is SUSPENDED"),
        ({"het_job_id": 6}, "part of a heterogeneous job"),
        ({"nodes": 33}, "more than 32 nodes"),
        ({"memory_bytes": GIB + 255 * MIB}, "near its memory limit"),
    ],
)
def test_jobs_that_nvidia_smi_is_never_run_in(fields: dict[str, object], why: str) -> None:
    bench = Bench(PretendSite(gpu_job(7, **fields)))
    note = bench.read(7)[7].gpu_note
    assert bench.site.count("probe") == 0
    assert note.count("nvidia-smi is not run in it: ") == 1 and why in note


def test_it_is_off_by_one_setting() -> None:
    bench = Bench(PretendSite(gpu_job(7)), GpuSources(probe=False))
    assert "usage.gpu_probe is off" in bench.read(7)[7].gpu_note
    assert bench.site.asked == ["running [7]"]


def test_nothing_is_run_in_a_job_that_nobody_looks_at() -> None:
    seen = Bench(PretendSite(gpu_job(7)))
    seen.site.printed = {7: PROBED}
    seen.read(7)
    unseen = Bench(seen.site, looked_at=False)
    unseen.notes = seen.notes
    unseen.now = seen.now + 100  # due again, and what was read is not too old
    assert unseen.read(7)[7].gpu_percent == 45.0
    unseen.now += 100
    note = unseen.read(7)[7].gpu_note
    assert "only in a job that is looked at" in note and "is off" not in note
    assert seen.site.count("probe") == 1


def test_a_requeued_job_with_other_gpus_does_not_keep_the_old_reading() -> None:
    bench = Bench(PretendSite(gpu_job(7)))
    bench.site.printed[7] = PROBED
    bench.read(7)
    bench.now += 301
    bench.site.jobs[7] = gpu_job(7, gpus=1)
    bench.site.printed[7] = "0: gpus 3 on g1\n0: 3, 70, 40960, 81920\n"
    assert bench.read(7)[7].gpu_percent == 70.0


def test_trouble_with_gpus_costs_no_other_figure() -> None:
    class Down(PretendSite):
        def running(self, job_ids: Sequence[int]) -> list[Job]:
            raise Unreachable("no answer")

    bench = Bench(Down())
    assert bench.read(7)[7] == Usage(7, 5, GIB, GIB, 1.0)
    bench = Bench(PretendSite(gpu_job(7)))
    bench.site.printed[7] = Unreachable("no answer for 12 s: srun: \x1b[31mJob step")
    assert "srun in the job: no answer for 12 s: srun:  [31mJob step" in bench.read(7)[7].gpu_note


def test_nothing_is_told_to_other_processes_while_nothing_changes() -> None:
    bench = Bench(PretendSite(gpu_job(7)))
    bench.site.printed[7] = PROBED
    bench.read(7)
    before = bench.notes
    bench.now += 10
    bench.read(7)
    assert bench.notes is before


# --- what nvidia-smi prints ----------------------------------------------------------------


def test_a_node_that_shows_all_gpus_is_asked_for_the_jobs_own() -> None:
    text = "".join(f"1: {i}, {10 * i}, {i}, 8\n" for i in range(4))
    assert parse_probe(f"1: gpus 2,3 on g1\n{text}", 2) == GpuFigures(
        "nvidia-smi", 25.0, 5 * MIB, 16 * MIB
    )


def test_a_node_that_numbers_the_jobs_gpus_anew() -> None:
    assert parse_probe("0: gpus 2,3 on g1\n0: 0, 10, 1, 8\n0: 1, 20, 1, 8\n", 2).percent == 15.0


def test_several_nodes_whose_lines_are_mixed() -> None:
    text = " 0: gpus 0 on g1\n10: gpus 1 on g2\n10: 1, 100, 1, 8\n 0: 0, 0, 0, 8\n"
    assert parse_probe(text, 2) == GpuFigures("nvidia-smi", 50.0, 1 * MIB, 16 * MIB)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "printed nothing"),
        ("slurmstepd: error\n", "printed nothing"),
        ("0: gpus 0,1 on g1\n0: nvidia-smi is not on PATH\n", "g1: nvidia-smi is not on PATH"),
        ("0: gpus 0,1 on g1\n0: NVIDIA-SMI has \x1b[1mfailed\n", r"g1: NVIDIA-SMI has  \[1mfailed"),
        ("0: gpus 0,1 on g1\n0: No devices were found\n", "g1: No devices"),
        ("0: gpus 0,1 on g1\n", "0 GPUs were found where the job has 2"),
        ("0: gpus 0 on g1\n0: 0, 1, 1, 8\n", "1 GPUs were found where the job has 2"),
        ("0: gpus  on g1\n" + "".join(f"0: {i}, 1, 1, 8\n" for i in range(4)), "4 GPUs were"),
        ("0: gpus 0,1 on g1\n0: 0, [N/A], 1, 8\n0: 1, [N/A], 1, 8\n", "MIG"),
    ],
)
def test_what_nvidia_smi_says_when_it_says_nothing(text: str, why: str) -> None:
    with pytest.raises(NoFigures, match=why):
        parse_probe(text, 2)


def test_the_command_asks_for_nothing_of_the_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    command = probe_command(7, 3)
    assert command[:3] == ["srun", "--jobid=7", "--overlap"]
    assert {"--nodes=3", "--ntasks=3", "--ntasks-per-node=1", "--immediate=5", "--time=1",
            f"--job-name={PROBE_STEP}"} <= set(command)  # fmt: skip
    assert command[-3:-1] == ["sh", "-c"] and command[-1].endswith("exit 0\n")
    for name in ("SLURM_JOB_ID", "SLURM_NTASKS", "SRUN_CPUS_PER_TASK", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "9")  # as in a shell inside another job
    monkeypatch.setenv("SLURM_CONF", "/etc/other.conf")
    environment = probe_environment()
    assert environment["SLURM_CONF"] == "/etc/other.conf" and "PATH" in environment
    assert not [name for name in environment if name.startswith(("SLURM_J", "SRUN", "CUDA"))]


# --- DCGM ----------------------------------------------------------------------------------


def exported(gpu: str, percent: int, **labels: str) -> str:
    shown = "".join(f',{name}="{value}"' for name, value in labels.items())
    return (
        f'DCGM_FI_DEV_GPU_UTIL{{gpu="{gpu}"{shown}}} {percent}\n'
        f'DCGM_FI_DEV_FB_USED{{gpu="{gpu}"{shown}}} 1\n'
        f'DCGM_FI_DEV_FB_FREE{{gpu="{gpu}"{shown}}} 7\n'
    )


def test_exporters_of_the_jobs_nodes_are_asked() -> None:
    site = PretendSite(gpu_job(7, nodes=2), gpu_job(8, gpus=1))
    site.given = {
        7: {"g1": frozenset("1"), "g2": frozenset("0")}, 8: {"g1": frozenset("0")},
    }  # fmt: skip
    bench = Bench(site, GpuSources("http://{node}:9400/metrics"))
    bench.pages = {
        "g1": exported("0", 10, hpc_job="8") + exported("1", 30), "g2": exported("0", 50),
    }  # fmt: skip
    for _ in range(2):
        found = bench.read(7, 8)
        assert found[7][5:] == (40.0, 2 * MIB, 16 * MIB, "dcgm", "")
        assert found[8].gpu_percent == 10.0
    assert site.count("probe") == 0 and site.count("slots") == 2
    assert sorted(set(bench.fetched)) == ["http://g1:9400/metrics", "http://g2:9400/metrics"]


def test_a_prometheus_server_by_label_then_by_place() -> None:
    site = PretendSite(gpu_job(7, gpus=1), gpu_job(8, gpus=1))
    site.given = {8: {"g1": frozenset("0")}}
    bench = Bench(site, GpuSources("http://p:9090", probe=False))

    def answer(*entries: tuple[int, dict[str, str]]) -> str:
        result = [
            {"metric": {"__name__": "DCGM_FI_DEV_GPU_UTIL", "gpu": "0", **labels},
             "value": [1, str(percent)]}
            for percent, labels in entries
        ]  # fmt: skip
        return json.dumps({"status": "success", "data": {"result": result}})

    bench.pages = {
        "hpc_job": answer((80, {"hpc_job": "7", "Hostname": "g9"})),
        "Hostname": answer((20, {"Hostname": "g1.site:9400"})),
    }
    found = bench.read(7, 8)
    assert (found[7].gpu_percent, found[8].gpu_percent) == (80.0, 20.0)
    assert len(bench.fetched) == 2


def test_an_endpoint_that_fails_leaves_nvidia_smi_and_is_named_if_that_fails_too() -> None:
    bench = Bench(PretendSite(gpu_job(7)), GpuSources("http://p:9090"))
    bench.site.printed[7] = PROBED
    bench.pages = {"p:9090": NoFigures("p:9090 does not answer: timed out")}
    assert bench.read(7)[7].gpu_source == "nvidia-smi"
    bench.now += 60
    bench.site.printed[7] = "0: gpus 0,1 on g1\n0: nvidia-smi is not on PATH\n"
    note = bench.read(7)[7].gpu_note
    assert "p:9090 does not answer: timed out; g1: nvidia-smi is not on PATH. To get" in note


def test_which_gpus_slurm_gave() -> None:
    text = (
        "JobId=9 JobName=x\n   JOB_GRES=gpu:a100:5\n"
        "     Nodes=g[1-2] CPU_IDs=0-2 Mem=60 GRES=gpu:a100:2(IDX:0-1)\n"
        "     Nodes=g3 CPU_IDs=0 Mem=60 GRES=gpu:a100:1(IDX:3),gpu:v100:1(IDX:5),nic:1(IDX:0)\n"
        "     Nodes=n1 CPU_IDs=0 Mem=60 GRES=\n"
    )
    assert parse_slots(text) == [
        ("g[1-2]", frozenset({"0", "1"})), ("g3", frozenset({"3", "5"})),
    ]  # fmt: skip
