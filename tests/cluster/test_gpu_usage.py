"""nvidia-smi inside jobs of a real Slurm, with the stand-in: what it sees, what goes wrong, and
that the job it runs in never notices."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from box.box import Box

ASK = """
import json, sys, time
from jobshape.app.backends.commands.backend import CommandsBackend
backend = CommandsBackend()
jobs = sys.argv[1:]
deadline = time.monotonic() + 30
while len(found := backend.usage(jobs)) < len(jobs) and time.monotonic() < deadline:
    time.sleep(0.2)
began = time.monotonic()
print(json.dumps([[usage._asdict() for usage in found], began - deadline + 30]))
"""


# Each node's dcgm-exporter at an address of its own, without hpc_job: GPU n of g1 is 10 n + 5 %.
EXPORTERS = """
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from jobshape.app.backends.gpu_usage.sources import GpuSources

class Exporter(BaseHTTPRequestHandler):
    def do_GET(self):
        node = self.path.strip("/")
        self.send_response(200)
        self.end_headers()
        for gpu in range(4):
            busy = 10 * gpu + 5 * (node == "g1")
            for name, value in (("GPU_UTIL", busy), ("FB_USED", 100), ("FB_FREE", 900)):
                labels = f'gpu="{gpu}",Hostname="{node}.box"'
                self.wfile.write(f"DCGM_FI_DEV_{name}{{{labels}}} {value}\\n".encode())
    def log_message(self, *words):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Exporter)
threading.Thread(target=server.serve_forever, daemon=True).start()
sources = GpuSources(f"http://127.0.0.1:{server.server_port}/{{node}}", probe=False)
"""


@pytest.fixture
def gpu_box(any_box: Box) -> Iterator[Box]:
    yield any_box
    any_box.run(["rm", "-f", "/run/fakegpu/mode"], user="root")
    any_box.cancel_all()


def mode(box: Box, text: str) -> None:
    box.run(["sh", "-c", f"echo {text} >/run/fakegpu/mode"], user="root")


def submit(box: Box, *options: str, script: str = "exec sleep 300") -> str:
    command = ["sbatch", "--parsable", "--partition=gpu", "--mem=600", "--output=/dev/null"]
    text = f"#!/bin/sh\n{script}\n"
    return box.run([*command, *options], input=text).stdout.strip()


def ask(box: Box, *jobs: str, script: str = ASK) -> dict[str, dict[str, Any]]:
    python = "/opt/jobshape/bin/python"
    done = box.run([python, "-c", script, *jobs], cwd="/src", timeout=90)
    found, _ = json.loads(done.stdout)
    return {str(usage["job_id"]): usage for usage in found}


def test_each_job_shows_its_own_gpus_even_while_its_steps_use_all_it_has(gpu_box: Box) -> None:
    """Two jobs on one node, and one over two nodes whose own step holds every CPU and GPU."""
    mode(gpu_box, "all")
    one = submit(gpu_box, "--nodelist=g1", "--gres=gpu:a100:1")
    two = submit(gpu_box, "--nodelist=g1", "--gres=gpu:a100:2")
    wide = submit(
        gpu_box, "--nodes=2", "--gres=gpu:a100:1", "--ntasks=2",
        script="exec srun --exact --gres=gpu:a100:1 sleep 300",
    )  # fmt: skip
    found = ask(gpu_box, one, two, wide)
    for job, gpus in ((one, 1), (two, 2), (wide, 2)):
        usage = found[job]
        assert usage["gpu_source"] == "nvidia-smi", usage
        assert usage["gpu_memory_total_bytes"] == gpus * 80 << 30
    # GPU n of the stand-in is 40 + 10 n % busy: all four of g1 are somebody's, each once.
    on_g1 = found[one]["gpu_percent"] + 2 * found[two]["gpu_percent"]
    on_both = 2 * found[wide]["gpu_percent"]
    assert on_g1 + on_both == sum((40, 50, 60, 70)) + 40


def test_dcgm_is_read_for_the_gpus_that_slurm_gave_the_job(gpu_box: Box) -> None:
    wide = submit(gpu_box, "--nodes=2", "--gres=gpu:a100:2")
    one = submit(gpu_box, "--nodelist=g1", "--gres=gpu:a100:1")
    script = EXPORTERS + ASK.replace("CommandsBackend()", "CommandsBackend(gpus=sources)")
    found = ask(gpu_box, wide, one, script=script)
    assert found[wide]["gpu_source"] == found[one]["gpu_source"] == "dcgm"
    assert found[one]["gpu_memory_total_bytes"] == 1000 << 20
    assert found[wide]["gpu_memory_bytes"] == 400 << 20
    for job in (wide, one):
        assert found[job]["gpu_percent"] == busy_by_exporters(gpu_box, job)


def busy_by_exporters(box: Box, job: str) -> float:
    """What the exporters say of the GPUs that scontrol says are the job's."""
    shown = box.run(["scontrol", "show", "job", "--details", job]).stdout
    busy = []
    for nodes, indices in re.findall(r"Nodes=(\S+) CPU_IDs.*\(IDX:([-,0-9]+)\)", shown):
        first, _, last = indices.partition("-")
        numbers = range(int(first), int(last or first) + 1)
        busy += [10 * n + 5 * (node == "g1") for n in numbers for node in ("b1", "g1")
                 if node in nodes]  # fmt: skip
    return sum(busy) / len(busy)


def test_a_probe_that_fails_says_why(gpu_box: Box) -> None:
    job = submit(gpu_box, "--gres=gpu:a100:1")
    mode(gpu_box, "broken")
    usage = ask(gpu_box, job)[job]
    assert usage["gpu_percent"] is None and usage["gpu_source"] == ""
    assert "couldn't communicate with the NVIDIA driver" in usage["gpu_note"]


def test_a_job_that_ends_during_a_probe_that_hangs_does_not_notice(gpu_box: Box) -> None:
    mode(gpu_box, "hangs")
    stop = "/home/alice/stop-gpu-job"
    gpu_box.run(["rm", "-f", stop])
    job = submit(gpu_box, "--gres=gpu:a100:1", script=f"until [ -e {stop} ]; do sleep 0.1; done")
    python = "/opt/jobshape/bin/python"
    asking = gpu_box.popen(
        [python, "-c", ASK, job], cwd="/src", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    steps = ["squeue", "--steps", "--noheader", "--format=%j", f"--jobs={job}"]
    until(lambda: "jobshape-gpus" in gpu_box.run(steps, check=False).stdout)
    gpu_box.run(["touch", stop])
    accounted = ["sacct", "--noheader", "--parsable2", "--allocations", "--jobs", job,
                 "--format=State,ExitCode,DerivedExitCode"]  # fmt: skip
    said = until(
        lambda: gpu_box.run(accounted).stdout.strip(), lambda text: text.startswith("COMPL")
    )
    assert said == "COMPLETED|0:0|0:0"
    until(lambda: "jobshape-gpus" not in gpu_box.run(steps, check=False).stdout)
    assert gpu_box.run(accounted).stdout.strip() == said
    shown, trouble = asking.communicate(timeout=60)
    ((usage,), _) = json.loads(shown)
    assert usage["memory_bytes"] and usage["gpu_percent"] is None, trouble
    assert usage["gpu_note"].startswith("no GPU figures: ")


def until(read: Callable[[], Any], good: Callable[[Any], bool] = bool) -> Any:
    """Read again and again until it is good."""
    deadline = time.monotonic() + 40
    while not good(found := read()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found
