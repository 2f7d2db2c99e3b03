"""``scontrol show job``: all of one job, its script and where it writes.

Free texts may look like fields (``x Reason=``), so they are cut out before fields are read; what
they are is known from the queue.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from jobshape.app.backends.base import JobDetail
from jobshape.app.backends.commands.reference import whole
from jobshape.app.backends.commands.scontrol_text import cut_records, read_fields, said
from jobshape.app.domain.job import AccountedJob, Job, LogPaths
from jobshape.app.domain.units import format_duration, format_size

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Job", ("JobId", "ArrayJobId", "ArrayTaskId", "ArrayTaskThrottle", "HetJobId", "HetJobOffset",
             "HetJobIdSet", "SLUID", "JobName", "Comment", "UserId", "GroupId", "Account", "QOS",
             "WCKey", "Partition", "Reservation", "AdminComment", "SystemComment")),
    ("State", ("JobState", "Reason", "Dependency", "Priority", "Nice", "ExitCode",
               "DerivedExitCode", "Restarts", "Requeue", "Scheduler")),
    ("Times", ("SubmitTime", "EligibleTime", "AccrueTime", "StartTime", "EndTime", "Deadline",
               "RunTime", "TimeLimit", "TimeMin", "SuspendTime", "SecsPreSuspend",
               "PreemptEligibleTime", "PreemptTime", "LastSchedEval")),
    ("Resources", ("NumNodes", "NumCPUs", "NumTasks", "CPUs/Task", "ReqTRES", "AllocTRES", "TRES",
                   "MinCPUsNode", "MinMemoryNode", "MinMemoryCPU", "MinTmpDiskNode", "TresPerNode",
                   "TresPerJob", "TresPerTask", "MemPerTres", "CpusPerTres", "Features",
                   "Licenses", "OverSubscribe", "Exclusive", "Contiguous")),
    ("Placement", ("NodeList", "SchedNodeList", "BatchHost", "ReqNodeList", "ExcNodeList",
                   "AllocNode:Sid")),
    ("Files", ("Command", "SubmitLine", "WorkDir", "StdOut", "StdErr", "StdIn")),
)  # fmt: skip
_TIMES = frozenset(_GROUPS[2][1]) - {"RunTime", "TimeLimit", "TimeMin", "SecsPreSuspend"}
_LINE_END = "\0"  # stands for a line end inside a text; Slurm's own texts cannot hold it
_NO_TASK = str(0xFFFFFFFE)  # Slurm's NO_VAL
_PATTERN = re.compile(r"%(\d*)([%AajJNnstuxb])")


def detail_command(job: str) -> list[str]:
    """The command that shows one job, all tasks of an array or all parts of a het job."""
    return ["scontrol", "--local", "--all", "--details", "show", "job", job]


def script_command(job: str) -> list[str]:
    """The command that writes a job's script to stdout."""
    return ["scontrol", "write", "batch_script", whole(job), "-"]


def fields_of(text: str, job: Job) -> dict[str, str]:
    """The fields of this one job out of what :func:`detail_command` showed, texts put back whole.

    Empty if it is not there.
    """
    texts = {"JobName": job.name, "Comment": job.comment, "WorkDir": job.work_dir}
    for key, value in texts.items():
        text = text.replace(f" {key}={value}\n", f" {key}=\n")
    for value in texts.values():  # where a path repeats them: StdOut with %x
        if value.strip():
            text = text.replace(value, value.replace("\n", _LINE_END))
    for record in cut_records(text, "JobId"):
        fields = read_fields(record)
        if fields.get("JobId") == str(job.job_id):
            fields |= {key: value for key, value in texts.items() if value}
            return {key: value.replace(_LINE_END, "\n") for key, value in fields.items()}
    return {}


def detail_of(fields: Mapping[str, str], job_id: int) -> JobDetail:
    """Fields as groups; what no group names comes last, what says nothing is left out."""
    told = {
        key: _shown(key, value)
        for key, value in fields.items()
        if said(value) or _is_own_word(key, value)
    }
    named = {key for _, keys in _GROUPS for key in keys}
    groups = [(title, tuple((key, told[key]) for key in keys if key in told))
              for title, keys in _GROUPS]  # fmt: skip
    groups.append(("Other", tuple((key, told[key]) for key in told if key not in named)))
    return JobDetail(job_id, tuple((title, shown) for title, shown in groups if shown))


def _shown(key: str, value: str) -> str:
    """The value as a person reads it: Slurm was asked for seconds since the epoch."""
    if key in _TIMES and value.isdigit():
        return datetime.fromtimestamp(int(value)).isoformat(" ")
    return value


def _is_own_word(key: str, value: str) -> bool:
    """Whether a person wrote it: a job may be called ``None``."""
    return key in ("JobName", "Comment") and value not in ("", "(null)")


def detail_of_accounted(accounted: AccountedJob) -> JobDetail:
    """What accounting knows of a job that left the queue, in the same groups."""
    job = accounted.job
    times = {"SubmitTime": job.submit_time, "EligibleTime": job.eligible_time,
             "StartTime": job.start_time, "EndTime": job.end_time}  # fmt: skip
    fields = {
        "JobId": str(job.job_id), "JobName": job.name, "Comment": job.comment, "UserId": job.user,
        "Account": job.account, "QOS": job.qos, "Partition": job.partition,
        "Reservation": job.reservation, "JobState": job.state, "Reason": job.reason,
        "ExitCode": job.exit_code, "DerivedExitCode": accounted.derived_exit_code,
        "RunTime": format_duration(accounted.elapsed_s, unknown=""),
        "TimeLimit": format_duration(job.time_limit_s, unknown=""),
        "AllocTRES": job.tres, "Features": job.features, "NodeList": job.node_list,
        "WorkDir": job.work_dir,
        "MaxRSS": format_size(accounted.max_rss_bytes, unknown=""),
        "TotalCPU": "" if accounted.total_cpu_s is None else f"{accounted.total_cpu_s:.1f} s",
    }  # fmt: skip
    fields |= {key: str(value) for key, value in times.items() if value is not None}
    return detail_of(fields, job.job_id)


def log_paths_of(fields: Mapping[str, str], job: Job) -> LogPaths:
    """Where the job writes. Newer releases leave StdErr empty where it is StdOut.

    scontrol fills in most patterns, which ones depends on the release; the rest is done here.
    """
    stdout, stderr, stdin = (said(fields.get(key)) for key in ("StdOut", "StdErr", "StdIn"))
    if job.array_job_id is not None:  # filled in for a task that is not split off yet
        stdout, stderr, stdin = (p.replace(_NO_TASK, "%a") for p in (stdout, stderr, stdin))
    return filled(LogPaths(stdout, stderr or stdout, stdin), job)


def filled(paths: LogPaths, job: Job) -> LogPaths:
    """The same paths with the patterns that are left filled in."""
    return LogPaths._make(fill_pattern(path, job) for path in paths)


def fill_pattern(path: str, job: Job) -> str:
    """A path with sbatch's % patterns filled in; one that is not known yet is left as it is.

    Source: sbatch(1), filename pattern. A backslash in the path turns patterns off.
    """
    if "\\" in path:
        return path.replace("\\", "")
    task = job.array_task_id
    first_node = "" if "[" in job.node_list else job.node_list.split(",")[0]
    values = {
        "A": job.job_id if job.array_job_id is None else job.array_job_id,
        "a": task, "b": None if task is None else task % 10, "j": job.job_id, "J": job.job_id,
        "N": first_node or None, "n": 0, "s": "batch", "t": 0, "u": job.user, "x": job.name,
    }  # fmt: skip

    def value_of(match: re.Match[str]) -> str:
        width, letter = match.groups()
        if letter == "%":
            return "%"
        value = values[letter]
        if value is None:
            return match.group(0)
        number = isinstance(value, int)
        return str(value).zfill(min(int(width or 0), 10)) if number else str(value)

    return _PATTERN.sub(value_of, path)
