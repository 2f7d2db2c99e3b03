"""Which field the words of a refusal are about."""

from __future__ import annotations

import pytest
from jobshape.app.domain.refusal import field_of_refusal
from jobshape.app.domain.shape import FIELD_OF

# Slurm's own texts (slurm_errno.c, sbatch), most of them seen on 22.05 and 26.05.
SAID = [
    ("Invalid partition name specified", "partition"),
    (
        "invalid partition specified: nowhere; Batch job submission failed: Invalid partition name"
        " specified",
        "partition",
    ),
    ("Requested partition configuration not available now for job 31", ""),
    ("User's group not permitted to use this partition", "partition"),
    ("Required partition not available (inactive or drain)", "partition"),
    ("Job's account not permitted to use this partition (gpu allows a not b)", "partition"),
    ("Job's QOS not permitted to use this partition (gpu allows high not normal)", "partition"),
    (
        "Batch job submission failed: Invalid account or account/partition combination specified",
        "account",
    ),
    ("Invalid qos specification for job 31", "qos"),
    ("Requested time limit is invalid (missing or exceeds some limit)", "time_limit_s"),
    ("Invalid --time specification", "time_limit_s"),
    (
        "Memory specification can not be satisfied; Requested node configuration is not available",
        "memory_bytes",
    ),
    ("Memory required by task is not available", "memory_bytes"),
    ("Invalid --mem specification", "memory_bytes"),
    ("Invalid generic resource (gres) specification", "gpus"),
    ("Invalid GRES specification (with and without type identification) for job 9", "gpus"),
    ("Invalid Trackable RESource (TRES) specification", ""),
    ("Invalid feature specification", "features"),
    ("Invalid node name specified for job 31", "exclude_nodes"),
    ("More processors requested than permitted", "cpus_per_task"),
    ("CPU count specification invalid for job 31", "cpus_per_task"),
    ("CPU count per node can not be satisfied", "cpus_per_task"),
    ("Node count specification invalid", "nodes"),
    ("Invalid job array specification", "array"),
    ("Invalid job array specification: 1-x", "array"),
    ("Job dependency problem", "dependency"),
    ("Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", ""),
    ("Job violates accounting/QOS policy: QOSMaxWallDurationPerJobLimit", "time_limit_s"),
    (
        "QOSMaxGRESPerJob; Batch job submission failed: Job violates accounting/QOS policy (job"
        " submit limit, user's size and/or time limits)",
        "gpus",
    ),
    ("QOSMaxMemoryPerJob", "memory_bytes"),
    ("QOSMaxGRESPerUser", "gpus"),
    ("AssocMaxMemPerJob", "memory_bytes"),
    ("QOSMaxCpuPerJobLimit", "cpus_per_task"),
    ("QOSMaxNodePerJobLimit", "nodes"),
    ("Requested node configuration is not available", ""),
    ("Access/permission denied", ""),
    ("Job is no longer pending execution for job 19", ""),
    ("", ""),
]

# The local site's words with their hints.
SAID_HERE = [
    (
        "Requested node configuration is not available (it asks for 99 CPUs, this machine has 8)",
        "cpus_per_task",
    ),
    (
        "Requested node configuration is not available (it asks for 900 MiB of memory, this machine"
        " has 8)",
        "memory_bytes",
    ),
    (
        "Requested node configuration is not available (it asks for 9 GPUs t4, this machine has 4)",
        "gpus",
    ),
    (
        "Requested node configuration is not available (it asks for 2 nodes, this machine is one)",
        "nodes",
    ),
    (
        "Requested node configuration is not available (a100 may mean a100-4 or a100-8: name one)",
        "",
    ),
    ("Invalid ArrayTaskThrottle value", "array"),
]


@pytest.mark.parametrize(("words", "field"), SAID + SAID_HERE, ids=lambda text: text[:50])
def test_field_of_a_refusal(words: str, field: str) -> None:
    assert field_of_refusal(words) == field
    assert field in FIELD_OF or field in ("", "dependency")


def test_words_of_any_length_are_read() -> None:
    assert field_of_refusal("x" * 100_000 + " Invalid feature specification") == "features"
