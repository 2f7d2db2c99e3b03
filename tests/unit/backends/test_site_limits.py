"""Limits as scontrol and sacctmgr write them."""

from __future__ import annotations

from collections.abc import Sequence

from jobshape.app.backends.commands import site_limits
from jobshape.app.domain.errors import Unreachable
from jobshape.app.domain.limits import Limits, SiteLimits

GIB = 1 << 30
PARTITIONS = """\
PartitionName=main
   AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL
   AllocNodes=ALL Default=YES QoS=small
   MaxNodes=4 MaxTime=1-00:00:00 MinNodes=0 LLN=NO MaxCPUsPerNode=32 MaxCPUsPerSocket=UNLIMITED
   DefMemPerCPU=1000 MaxMemPerCPU=2048

PartitionName=long
   AllocNodes=ALL Default=NO QoS=N/A
   MaxNodes=UNLIMITED MaxTime=UNLIMITED MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED
   DefMemPerNode=UNLIMITED MaxMemPerNode=65536
"""
# sacctmgr show qos: Name, Flags, MaxWall, MaxTRES, MaxTRESPerNode, MaxTRESPerUser, jobs, submitted.
QOS = """\
normal|||||||
small|DenyOnLimit,OverPartQOS|02:00:00|cpu=8,gres/gpu=2,mem=16G,node=1|cpu=4,mem=4G|gres/gpu=4|3|10
typed|||gres/gpu:a100=2||||
"""
# Default account, account, partition, QOS, default QOS, MaxWall, MaxTRES, per node, GrpTRES,
# MaxJobs, GrpJobs, MaxSubmit, GrpSubmit.
USER = """\
physics|physics||high,small|small|12:00:00|cpu=100||cpu=200,gres/gpu=8|20|10|50|
physics|physics|gpu|high|||||||||
physics|bio||normal||||||||7|
"""
ENFORCED = {"AccountingStorageEnforce": "associations,limits,qos", "EnforcePartLimits": "NO"}


def limits(settings: dict[str, str]) -> SiteLimits:
    def run(command: Sequence[str]) -> str:
        assert command[0] == "sacctmgr"
        return QOS if "qos" in command else USER

    return site_limits.limits_of(PARTITIONS, settings, run, lambda: "ann")


def test_every_limit() -> None:
    found = limits(ENFORCED)
    assert found.problem == ""
    assert found.of_qos("normal") == Limits("normal", refuses=False)
    assert found.of_qos("small") == Limits(
        "small", time_limit_s=7200, nodes=1, cpus=8, memory_bytes=16 * GIB, gpus=2, node_cpus=4,
        node_memory_bytes=4 * GIB, user_gpus=4, user_jobs=3, user_submitted=10, refuses=True,
    )  # fmt: skip
    typed = found.of_qos("typed")
    assert typed and typed.gpus is None  # it limits one type only
    assert found.default_account == "physics"
    mine = found.association("")
    assert mine and (mine.qos, mine.default_qos) == (("high", "small"), "small")
    assert mine.limits == Limits(
        "physics", time_limit_s=43200, cpus=100, user_cpus=200, user_gpus=8, user_jobs=10,
        user_submitted=50, refuses=True,
    )  # fmt: skip
    on_gpu = found.association("physics", "gpu")
    assert on_gpu and on_gpu.qos == ("high",) and not on_gpu.limits.refuses
    bio = found.association("bio")
    assert bio and bio.limits.user_submitted == 7


def test_a_partition_has_the_limits_of_its_own_qos_too() -> None:
    main, long = limits(ENFORCED).partitions
    assert (main.time_limit_s, main.nodes, main.node_cpus, main.gpus) == (7200, 1, 4, 2)
    assert main.node_memory_bytes == 4 * GIB
    assert main.refuses
    assert long == Limits("long", node_memory_bytes=64 * GIB, refuses=False)
    refusing = limits(ENFORCED | {"EnforcePartLimits": "ALL"}).partition("long")
    assert refusing and refusing.refuses


def test_limits_that_nobody_heeds_are_none() -> None:
    found = limits({"AccountingStorageEnforce": "associations"})
    assert "none is heeded" in found.problem
    assert found.of_qos("small") == Limits("small")
    main = found.partition("main")
    assert main and (main.time_limit_s, main.nodes, main.node_memory_bytes) == (86400, 4, 64 * GIB)
    place = found.association("")
    assert place and place.limits.user_jobs is None


def test_without_accounting_there_are_partitions_and_a_reason() -> None:
    def run(command: Sequence[str]) -> str:
        raise Unreachable("Problem talking to the database: Connection refused")

    found = site_limits.limits_of(PARTITIONS, ENFORCED, run, lambda: "ann")
    assert found.problem == "Problem talking to the database: Connection refused"
    assert [one.name for one in found.partitions] == ["main", "long"]
    assert (found.qos, found.associations, found.default_account) == ((), (), "")


def test_lines_that_make_no_sense_are_left_out() -> None:
    assert site_limits.parse_qos("a|b\n\nx|||later|||-1|many\n", enforced=True) == (
        Limits("x", refuses=False),
    )
