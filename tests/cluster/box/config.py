"""The configuration files of a box's Slurm, as text."""

from __future__ import annotations

from typing import Final, NamedTuple

from box.plan import Plan

LOGS: Final = "/var/log/slurm"
FAKE_GPUS: Final = "/run/fakegpu"
GPUS: Final = 4


class Node(NamedTuple):
    """A node with its own slurmd; all of them run on this one machine."""

    name: str
    port: int
    cpus: int
    memory_mib: int
    gpus: int
    features: str


# b1 is where `fill` puts the jobs that keep others waiting; the rest stay free for tests.
NODES: Final = (
    Node("n1", 7001, 16, 64_000, 0, "cpu"),
    Node("n2", 7002, 64, 256_000, 0, "cpu"),
    Node("g1", 7003, 32, 256_000, GPUS, "gpu"),
    Node("b1", 7004, 64, 512_000, GPUS, "busy"),
)

_SLURM_CONF: Final = """\
ClusterName={cluster}
SlurmctldHost={name}
SlurmUser=slurm
{auth}
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
JobAcctGatherFrequency=task=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PriorityType=priority/multifactor
PriorityWeightAge=1000
PriorityWeightFairshare=10000
PriorityWeightJobSize=100
PriorityWeightPartition=1000
PriorityWeightQOS=2000
SchedulerParameters=bf_interval=5,sched_interval=5,bf_continue
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=300
SlurmdTimeout=300
KillWait=5
InactiveLimit=0
MinJobAge={min_job_age_s}
MaxJobCount=200000
MaxArraySize=10001
MailProg=/bin/true
{private_data}
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu,gres/gpu:a100
AccountingStoreFlags=job_comment,job_script,job_env
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd-%n
SlurmctldPidFile=/run/slurmctld/slurmctld.pid
SlurmdPidFile=/run/slurmd-%n.pid
SlurmctldLogFile={logs}/slurmctld.log
SlurmdLogFile={logs}/slurmd-%n.log
GresTypes=gpu
DefMemPerCPU=1000
{nodes}
PartitionName=main Nodes=n1,n2,b1 Default=YES MaxTime=1-00:00:00 DefaultTime=01:00:00 State=UP
PartitionName=gpu Nodes=g1,b1 MaxTime=1-00:00:00 DefaultTime=01:00:00 State=UP
PartitionName=smoke Nodes=n1,n2,g1 MaxTime=00:10:00 DefaultTime=00:05:00 PriorityTier=10 State=UP
"""

_CLOUD: Final = """\
SuspendProgram=/bin/true
ResumeProgram=/bin/true
SuspendTime=INFINITE
NodeName=big[0001-{last:04}] CPUs=64 RealMemory=256000 Weight=100 State=CLOUD
PartitionName=cloud Nodes=big[0001-{last:04}] MaxTime=1-00:00:00 DefaultTime=01:00:00 State=UP
"""

_DBD_CONF: Final = """\
DbdHost=localhost
SlurmUser=slurm
{auth}
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StorageLoc=slurm_acct_db
LogFile={logs}/slurmdbd.log
PidFile=/run/slurmdbd/slurmdbd.pid
"""

_CGROUP_CONF: Final = """\
CgroupPlugin={plugin}
{extra}ConstrainRAMSpace=yes
ConstrainSwapSpace=yes
AllowedSwapSpace=0
"""

_MARIADB: Final = f"""\
[mariadbd]
skip-networking
skip-name-resolve
innodb_buffer_pool_size=128M
innodb_flush_log_at_trx_commit=0
innodb_lock_wait_timeout=900
innodb_use_native_aio=0
performance_schema=OFF
loose_innodb_snapshot_isolation=OFF
log_error={LOGS}/mariadbd.log
pid_file=/run/mysqld/mysqld.pid
"""


def slurm_conf(plan: Plan) -> str:
    """Text of slurm.conf."""
    text = _SLURM_CONF.format(
        cluster=plan.cluster,
        name=plan.name,
        auth=_auth(plan),
        logs=LOGS,
        min_job_age_s=plan.min_job_age_s,
        private_data=_private_data(plan),
        nodes="\n".join(_node_line(node) for node in NODES),
    )
    return text + (_CLOUD.format(last=plan.big_nodes) if plan.big_nodes else "")


def slurmdbd_conf(plan: Plan) -> str:
    """Text of slurmdbd.conf."""
    return _DBD_CONF.format(auth=_auth(plan, daemon="slurmdbd"), logs=LOGS)


def cgroup_conf(plan: Plan) -> str:
    """Text of cgroup.conf; with cgroup/v2 there is no systemd in the box to ask."""
    extra = (
        "" if plan.cgroup_plugin == "cgroup/v1" else "IgnoreSystemd=yes\nEnableControllers=yes\n"
    )
    return _CGROUP_CONF.format(plugin=plan.cgroup_plugin, extra=extra)


def gres_conf() -> str:
    """Text of gres.conf: GPUs that are plain files."""
    files = f"{FAKE_GPUS}/nvidia[0-{GPUS - 1}]"
    lines = (f"NodeName={node.name} Name=gpu Type=a100 File={files}" for node in NODES if node.gpus)
    return "\n".join(("AutoDetect=off", *lines, ""))


def mariadb_conf() -> str:
    """Text of the database's configuration: local only, quick rather than durable."""
    return _MARIADB


def _auth(plan: Plan, *, daemon: str = "") -> str:
    if plan.recipe.munge:
        return "AuthType=auth/munge" + ("" if daemon else "\nCredType=cred/munge")
    lines = ["AuthType=auth/slurm", "AuthInfo=use_client_ids"]
    return "\n".join(lines if daemon else [*lines, "CredType=cred/slurm"])


def _private_data(plan: Plan) -> str:
    """The line of that name; `cloud` hides nothing, it lets people see powered-down nodes."""
    words = [plan.private_data, "cloud" if plan.big_nodes else ""]
    return f"PrivateData={','.join(filter(None, words))}" if any(words) else ""


def _node_line(node: Node) -> str:
    gpus = f" Gres=gpu:a100:{node.gpus}" if node.gpus else ""
    return (
        f"NodeName={node.name} NodeAddr=127.0.0.1 Port={node.port} CPUs={node.cpus}"
        f" RealMemory={node.memory_mib}{gpus} Features={node.features} State=UNKNOWN"
    )
