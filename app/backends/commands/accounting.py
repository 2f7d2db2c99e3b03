"""``sacct``: finished and running jobs of accounting, their steps folded in.

Every field is closed by ``mark``, which a caller makes unguessable, so names and comments may hold
anything. Source: sacct(1).
"""

from collections.abc import Collection, Sequence

from jobshape.app.backends.base import Scope
from jobshape.app.backends.commands.queue import MARK, placed
from jobshape.app.backends.commands.reference import whole
from jobshape.app.backends.gpu_usage.figures import PROBE_STEP
from jobshape.app.backends.gpu_usage.slurm import StepGpus, accounted, gpu_use_of
from jobshape.app.domain.job import NO_JOB, UNLIMITED, AccountedJob, Job
from jobshape.app.domain.states import state_of
from jobshape.app.domain.tres import (
    parse_tres,
    tres_cpus,
    tres_gpus,
    tres_memory_bytes,
    tres_nodes,
)
from jobshape.app.domain.units import parse_count, parse_cpu_time, parse_size

_FIELDS = (
    "JobIDRaw", "JobID", "State", "Reason", "Start", "End", "TimelimitRaw", "User", "Account",
    "Partition", "QOS", "Priority", "Submit", "Eligible", "NNodes", "NodeList", "NCPUS",
    "AllocTRES", "ReqTRES", "Constraints", "Reservation", "ExitCode", "DerivedExitCode",
    "ElapsedRaw", "TotalCPU", "MaxRSS", "JobName", "Comment", "WorkDir",
)  # fmt: skip
_NEWER_FIELDS = ("Restarts", "TRESUsageInTot", "TRESUsageInMax")
"""Fields that some releases lack; sacct refuses a field it does not know."""
_ENDED = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL",
          "DEADLINE", "PREEMPTED", "REVOKED")  # fmt: skip
"""The states in which a job ended that sacct can be asked for."""
_NOTHING = {"None": "", "Unknown": "", "None assigned": "", "(null)": ""}


def field_names_command() -> list[str]:
    """The command that lists the fields of this sacct; it asks nobody."""
    return ["sacct", "--helpformat"]


def fields_of(known: Collection[str]) -> tuple[str, ...]:
    """The fields to ask for, given those that :func:`field_names_command` listed."""
    return _FIELDS + tuple(name for name in _NEWER_FIELDS if name in known)


def accounting_command(
    scope: Scope,
    since: int,
    until: int | None,
    *,
    user: str,
    accounts: Sequence[str] = (),
    jobs: Sequence[str] = (),
    ended: bool = False,
    fields: Sequence[str] = _FIELDS,
    mark: str = MARK,
) -> list[str]:
    """The command that shows jobs in any state between two times (seconds since the epoch).

    ended: only those that ended between them; without an end, sacct then looks at one moment only.
    """
    command = ["sacct", "--noheader", "--parsable", f"--delimiter={mark}", "--noconvert"]
    command.append(f"--starttime=uts{since}")
    if until is not None:
        command.append(f"--endtime=uts{until}")
    elif ended:
        command.append("--endtime=now")
    if ended:
        command.append("--state=" + ",".join(_ENDED))
    if scope is Scope.MINE:
        command.append(f"--user={user}")
    else:
        command.append("--allusers")
        if scope is Scope.ACCOUNTS:
            command.append("--accounts=" + ",".join(accounts))
    if jobs:
        command.append("--jobs=" + ",".join(map(whole, jobs)))
    return [*command, "--format=" + ",".join(fields)]


def parse_accounting(
    text: str, *, fields: Sequence[str] = _FIELDS, mark: str = MARK
) -> list[AccountedJob]:
    """The jobs that :func:`accounting_command` showed; a record that makes no sense is left out."""
    jobs: dict[str, AccountedJob] = {}
    peaks: dict[str, int] = {}
    steps: dict[str, list[StepGpus]] = {}
    for record in read_records(text, fields, mark):
        raw_id = record["JobIDRaw"]
        base, _, step = raw_id.partition(".")
        if step and record["JobName"] == PROBE_STEP:  # what nvidia-smi took is not the job's
            continue
        try:
            peak = parse_size(record["MaxRSS"])
            if peak:  # 0: it ended before it was measured
                peaks[base] = max(peak, peaks.get(base, 0))
            if not step:
                jobs[base] = _accounted(record)
            elif "gres/gpu" in record.get("TRESUsageInTot", ""):
                steps.setdefault(base, []).append(_step_gpus(record))
        except ValueError:
            continue
    return [
        _with_use(job, peaks.get(base), steps.get(base, ())) for base, job in jobs.items()
    ]  # fmt: skip


def read_records(text: str, fields: Sequence[str], mark: str) -> list[dict[str, str]]:
    """Every record as field -> text, nothing changed but the line end before it."""
    values = text.split(mark)
    width = len(fields)
    records = []
    for at in range(0, len(values) - width, width):
        record = dict(zip(fields, values[at : at + width], strict=True))
        record[fields[0]] = record[fields[0]].strip("\n")
        records.append(record)
    return records


def _accounted(record: dict[str, str]) -> AccountedJob:
    return AccountedJob(
        job=_job(record),
        elapsed_s=_number(record["ElapsedRaw"]),
        total_cpu_s=parse_cpu_time(record["TotalCPU"]),
        max_rss_bytes=None,
        derived_exit_code=_text(record["DerivedExitCode"]),
    )


def _step_gpus(record: dict[str, str]) -> StepGpus:
    return StepGpus(
        gpu_use_of(record["TRESUsageInTot"]),
        gpu_use_of(record.get("TRESUsageInMax", "")),
        _number(record["ElapsedRaw"]),
    )


def _with_use(job: AccountedJob, peak: int | None, steps: Sequence[StepGpus]) -> AccountedJob:
    """The job with what its steps used."""
    percent, gpu_peak = accounted(steps, job.job.gpus, job.elapsed_s)
    return job._replace(max_rss_bytes=peak, gpu_percent=percent, gpu_memory_peak_bytes=gpu_peak)


def _job(record: dict[str, str]) -> Job:
    tres_text = record["AllocTRES"] or record["ReqTRES"]
    tres = parse_tres(tres_text)
    nodes, cpus = tres_nodes(tres), tres_cpus(tres)
    job = NO_JOB._replace(
        job_id=int(record["JobIDRaw"]),
        state=state_of(record["State"]),
        reason=_text(record["Reason"]),
        start_time=_number(record["Start"]),
        end_time=_number(record["End"]),
        time_limit_s=_minutes(record["TimelimitRaw"]),
        name=record["JobName"],
        user=record["User"],
        account=record["Account"],
        partition=record["Partition"],
        qos=record["QOS"],
        priority=_number(record["Priority"]),
        submit_time=_number(record["Submit"]),
        eligible_time=_number(record["Eligible"]),
        nodes=parse_count(record["NNodes"]) if nodes is None else nodes,
        node_list=_text(record["NodeList"]),
        cpus=parse_count(record["NCPUS"]) if cpus is None else cpus,
        memory_bytes=tres_memory_bytes(tres),
        gpus=tres_gpus(tres),
        tres=tres_text,
        features=_text(record["Constraints"]),
        reservation=_text(record["Reservation"]),
        restarts=_number(record.get("Restarts", "")),
        exit_code=record["ExitCode"],
        work_dir=record["WorkDir"],
        comment=record["Comment"],
    )
    return placed(job, record["JobID"])


def _text(text: str) -> str:
    return _NOTHING.get(text, text)


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _minutes(text: str) -> int | None:
    if text == "UNLIMITED":
        return UNLIMITED
    return int(text) * 60 if text.isdigit() else None
