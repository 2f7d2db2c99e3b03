"""A small site, scripts and checks for the tests of the rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobshape.app.domain.check import CheckLine
from jobshape.app.domain.limits import Association, Limits, SiteLimits
from jobshape.app.domain.request import EarliestStart, SubmitRequest
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.site_facts import OwnJob, SiteFacts
from jobshape.app.domain.units import GIB
from jobshape.app.preflight.examine import examine
from jobshape.app.preflight.facts import Facts, FileFacts, Output
from jobshape.app.preflight.subject import Subject, subject_of
from jobshape.app.settings.values import Policy

HOUR = 3600


def node(name: str, *partitions: str, **fields: Any) -> Node:
    made = Node(
        name=name, state="IDLE", reason="", partitions=partitions, cpus=16, cpus_allocated=0,
        cpu_load=0.0, memory_bytes=64 * GIB, memory_allocated_bytes=0, memory_free_bytes=None,
        gpus=0, gpus_allocated=0, gpu_types="", features="",
    )  # fmt: skip
    return made._replace(**fields)


def partition(name: str, **fields: Any) -> Partition:
    made = Partition(
        name=name, state="UP", is_default=False, nodes=2, cpus=32, time_limit_s=24 * HOUR,
        default_time_s=HOUR, priority_tier=1, qos="", allow_accounts="", allow_groups="",
        allow_qos="",
    )  # fmt: skip
    return made._replace(**fields)


SITE = SiteFacts(
    cluster="toy", scheduler="slurm 22.05.8", user="alice", queue=(),
    partitions=(
        partition("main", is_default=True),
        partition("gpu", time_limit_s=48 * HOUR),
        partition("bio", allow_accounts="biology", allow_qos="high"),
        partition("staff", allow_groups="staff,wheel"),
        partition("off", state="DOWN"),
        partition("drained", state="DRAIN"),
        partition("smoke", time_limit_s=600, default_time_s=300),
    ),
    nodes=(
        node("n1", "main", "smoke", "bio", "staff", "off", "drained"),
        node("n2", "main", features="big,avx", memory_bytes=256 * GIB),
        node("g1", "gpu", gpus=4, gpu_types="a100:4", cpus=64, memory_bytes=512 * GIB),
        node("g2", "gpu", gpus=2, gpu_types="v100:2", state="DOWN*"),
    ),
    limits=SiteLimits(
        partitions=(
            Limits("main", time_limit_s=24 * HOUR, refuses=False),
            Limits("gpu", node_memory_bytes=500 * GIB),
        ),
        qos=(Limits("normal", time_limit_s=12 * HOUR), Limits("high"), Limits("root")),
        associations=(
            Association("physics", qos=("normal", "high"), default_qos="normal",
                        limits=Limits("physics", time_limit_s=HOUR, memory_bytes=128 * GIB)),
            Association("chemistry", qos=("high",), default_qos="high"),
        ),
        default_account="physics",
    ),
    start=EarliestStart(1_795_854_475, "n1", "main", "sbatch: Job 2 to start"),
)  # fmt: skip

FILES = FileFacts(
    output=Output("/work", free_bytes=50 * GIB, free_files=10**6), groups=("alice", "users")
)
FACTS = Facts(site=SITE, files=FILES)
QUIET = Policy(off=("notification", "smoke"))


def script(*lines: str, run: str = "srun true") -> str:
    """A script with these options, one a line from line 2 on."""
    return "\n".join(["#!/bin/bash", *(f"#SBATCH {line}" for line in lines), run, ""])


def subject(*lines: str, run: str = "srun true", text: str = "", **request: Any) -> Subject:
    return subject_of(
        text or script(*lines, run=run), path="job.sh", work_dir="/work",
        request=SubmitRequest(script="", **request),
    )  # fmt: skip


def judge(
    rule: str, checked: Subject, facts: Facts = FACTS, policy: Policy | None = None
) -> list[CheckLine]:
    """What one rule says."""
    lines = examine(checked, facts, policy or Policy())
    return [line for line in lines if line.rule == rule]


def the(rule: str, *options: str, facts: Facts = FACTS, **request: Any) -> CheckLine:
    """The one line that a rule says of a script with these options."""
    (line,) = judge(rule, subject(*options, **request), facts)
    return line


def refused(words: str) -> Facts:
    return replace(FACTS, site=replace(SITE, start=None, refusal=words))


def queued(*jobs: OwnJob) -> Facts:
    return replace(FACTS, site=replace(SITE, queue=jobs))


def own(job_id: int, state: str = "RUNNING", **fields: Any) -> OwnJob:
    made = OwnJob(job_id, str(job_id), job_id, state, "job.sh", "/work", "main")
    return made._replace(**fields)
