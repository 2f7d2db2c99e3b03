"""Records what the commands of a real Slurm print, for the parsers' tests.

Run by alice in a box; writes a tar of texts to stdout:
    python3 tests/cluster/box exec --name dev22 --cwd /src -- \\
        /opt/jobshape/bin/python tests/unit/backends/record.py > said.tar
    tar -xf said.tar -C tests/unit/backends/recorded
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence

from jobshape.app.backends.base import Scope
from jobshape.app.backends.commands import (
    accounting,
    controller,
    detail,
    queue,
    records,
    site,
    steps,
    submit,
    usage,
)
from jobshape.app.backends.commands.runner import Runner
from jobshape.app.backends.gpu_usage.probe import probe_command
from jobshape.app.domain.request import SubmitRequest

SLEEP = "#!/bin/sh\nsleep 60\n"
HET = "#!/bin/sh\n#SBATCH --mem=60\n#SBATCH hetjob\n#SBATCH --mem=70 -n2\nsleep 60\n"
BUSY = "#!/bin/sh\nexec python3 -c 'b = bytearray(90 << 20)\nwhile True: pass'\n"
STEPS = """#!/bin/bash
srun -n1 -J "odd | name State=FAILED" true
srun -n2 --overlap -J second sleep 40
"""
runner = Runner()


def sbatch(name: str, *options: str, script: str = SLEEP) -> str:
    command = ["sbatch", "--parsable", "--chdir=/tmp", "--output=/dev/null", "--time=90"]
    words = [*command, "--mem=60", f"--job-name={name}", *options]
    done = subprocess.run(words, input=script.encode(), capture_output=True, check=True)
    return done.stdout.decode().strip()


def main() -> None:
    """Submit one of each, wait, and write down what is said."""
    started = int(time.time())
    nasty = "nasty |\n\x1f\x1e 'name' [b] ü"
    jobs = {
        "held": sbatch(nasty, "--hold", "--comment=" + "ab cd|ef\n" * 111 + "!"),
        "array": sbatch("array", "--hold", "--array=1-500:7,3%20"),
        "started": sbatch("started", "--array=0-3%1"),
        "het": sbatch("het", script=HET),
        "gpu": sbatch("gpu", "--partition=gpu", "--gres=gpu:a100:2", "--cpus-per-task=3"),
        "busy": sbatch("busy", "--mem=200", script=BUSY),
        "failed": sbatch("failed", script="#!/bin/sh\nexit 3\n"),
        "killed": sbatch("killed", script="#!/bin/sh\nkill -9 $$\n"),
        "stepped": sbatch("stepped", "--ntasks=2", script=STEPS),
        "endless": sbatch("endless", "--time=UNLIMITED"),
    }
    jobs["waits"] = sbatch("waits", f"--dependency=afterok:{jobs['held']}", "--constraint=busy")
    time.sleep(10)
    wide = {"user": "alice", "fields": fields()}
    possible, impossible = SubmitRequest(SLEEP), SubmitRequest(SLEEP, memory_bytes=900 << 30)
    texts = {
        "queue": said(queue.queue_command(Scope.MINE, user="alice")),
        "nodes": said(site.nodes_command()),
        "partitions": said(site.partitions_command()),
        "accounting": said(accounting.accounting_command(Scope.MINE, started, None, **wide)),
        "usage": said(usage.usage_command([jobs["busy"], jobs["held"], jobs["gpu"]])),
        "probe": said(probe_command(int(jobs["gpu"]), 1)),
        "detail_gpu": said(detail.detail_command(jobs["gpu"])),
        "steps": said(steps.steps_command(jobs["stepped"])),
        "running_steps": said(steps.running_steps_command(jobs["stepped"])),
        "detail_held": said(detail.detail_command(jobs["held"])),
        "detail_het": said(detail.detail_command(jobs["het"])),
        "script": said(records.script_command(jobs["failed"])),
        "cost": said(controller.cost_command()),
        "settings": said(controller.settings_command()),
        "possible": said(submit.submit_command(possible, test_only=True), SLEEP),
        "impossible": said(submit.submit_command(impossible, test_only=True), SLEEP),
        "unknown_cancel": said(["scancel", "--verbose", "900000001"]),
        "unknown_hold": said(["scontrol", "hold", "900000001"]),
        "version": said(records.version_command()),
    }
    subprocess.run(["scancel", *jobs.values()], check=True)
    release = texts["version"].split()[-1].rpartition(".")[0]
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
        for name, text in texts.items():
            data = text.encode("utf-8", "surrogateescape")
            entry = tarfile.TarInfo(f"{release}/{name}.txt")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def fields() -> Sequence[str]:
    """The fields of accounting that this release has."""
    return accounting.fields_of(said(accounting.field_names_command()).split())


def said(command: Sequence[str], stdin: str = "") -> str:
    """stdout, then stderr."""
    output = runner.run(command, stdin=stdin, check=False)
    return output.stdout + output.stderr


if __name__ == "__main__":
    main()
