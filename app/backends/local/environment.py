"""The environment of a job as sbatch and slurmd set it, so that a script finds what it expects.

Source: sbatch(1), OUTPUT ENVIRONMENT VARIABLES; ``env`` in jobs of Slurm 24.11.
"""

import os
import pwd
from collections.abc import Mapping

from jobshape.app.backends.local.process_tree import MARKER
from jobshape.app.backends.local.record import LocalJob
from jobshape.app.domain.units import MIB

_PATH = "/usr/local/bin:/usr/bin:/bin"


def job_environment(
    job: LocalJob, submitted: Mapping[str, str], *, site: str, marker: str, node: str,
    programs: str, spool: str, gpu_type: str,
) -> dict[str, str]:  # fmt: skip
    """All variables of a job: what was submitted with it as --export says, and Slurm's own."""
    environment = _exported(job.export, submitted)
    environment = {
        name: value for name, value in environment.items()
        if not name.startswith(("SLURM_", "SLURMD_"))
    }  # fmt: skip
    environment["PATH"] = f"{programs}:{environment.get('PATH', _PATH)}"
    environment.setdefault("TMPDIR", "/tmp")
    environment.update(_slurm(job, site, node, gpu_type))
    environment["CUDA_VISIBLE_DEVICES"] = job.gpu_ids
    environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the numbers are NVML's
    environment["ENVIRONMENT"] = "BATCH"
    environment["HOSTNAME"] = node
    environment[MARKER] = marker
    environment["JOBSHAPE_LOCAL_SPOOL"] = spool
    return environment


def _exported(export: str, submitted: Mapping[str, str]) -> dict[str, str]:
    words = [word for word in export.split(",") if word]
    if not words or words == ["ALL"]:
        return dict(submitted)
    user = pwd.getpwuid(os.geteuid())
    base = {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name,
            "SHELL": user.pw_shell, "PATH": _PATH}  # fmt: skip
    chosen = dict(submitted) if "ALL" in words else base
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            chosen[name] = value
        elif name not in ("ALL", "NONE", "NIL") and name in submitted:
            chosen[name] = submitted[name]
    return chosen


def _slurm(job: LocalJob, site: str, node: str, gpu_type: str) -> dict[str, str]:
    user = pwd.getpwuid(os.geteuid())
    values: dict[str, object] = {
        "CLUSTER_NAME": site, "CPUS_ON_NODE": job.cpus, "GTIDS": 0, "JOB_CPUS_PER_NODE": job.cpus,
        "JOB_GID": os.getegid(), "JOB_ID": job.id, "JOBID": job.id, "JOB_NAME": job.name,
        "JOB_NODELIST": node, "NODELIST": node, "JOB_NUM_NODES": 1, "NNODES": 1,
        "JOB_PARTITION": job.partition, "JOB_QOS": job.qos or "normal", "JOB_UID": os.geteuid(),
        "JOB_USER": user.pw_name, "LOCALID": 0, "MEM_PER_NODE": job.memory_bytes // MIB,
        "NODEID": 0, "PROCID": 0, "SUBMIT_DIR": job.submit_dir, "SUBMIT_HOST": node,
        "TASKS_PER_NODE": job.task_count, "TOPOLOGY_ADDR": node,
        "TOPOLOGY_ADDR_PATTERN": "node", "WORKING_CLUSTER": f"{site}:{node}:0:0:0",
    }  # fmt: skip
    if job.start_time is not None:
        values["JOB_START_TIME"] = int(job.start_time)
        if job.time_limit_s > 0:
            values["JOB_END_TIME"] = int(job.start_time) + job.time_limit_s
    if job.account:
        values["JOB_ACCOUNT"] = job.account
    if job.cpus_given:
        values["CPUS_PER_TASK"] = job.cpus_per_task
    if job.ntasks_given:
        values["NTASKS"] = values["NPROCS"] = job.task_count
    if job.tasks_per_node:
        values["NTASKS_PER_NODE"] = job.tasks_per_node
    if job.restarts:
        values["RESTART_COUNT"] = job.restarts
    if job.gpus:
        values |= {"GPUS_ON_NODE": job.gpus, "JOB_GPUS": job.gpu_ids, "GPUS": job.gpus}
        if gpu_type:
            values["GPUS"] = f"{gpu_type}:{job.gpus}"
    if job.task_id is not None:
        values |= {
            "ARRAY_JOB_ID": job.array_id, "ARRAY_TASK_ID": job.task_id,
            "ARRAY_TASK_MIN": job.first_task, "ARRAY_TASK_MAX": job.last_task,
            "ARRAY_TASK_COUNT": job.all_tasks, "ARRAY_TASK_STEP": job.task_step,
        }  # fmt: skip
    named = {f"SLURM_{name}": str(value) for name, value in values.items()}
    return {**named, "SLURMD_NODENAME": node}
