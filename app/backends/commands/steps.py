"""The steps of a job: from ``sacct``, or ``scontrol show step`` where there is no accounting."""

from collections.abc import Sequence

from jobshape.app.backends.commands.accounting import read_records
from jobshape.app.backends.commands.queue import MARK
from jobshape.app.backends.commands.reference import whole
from jobshape.app.backends.commands.scontrol_text import cut_records, read_fields, said
from jobshape.app.domain.states import state_of
from jobshape.app.domain.step import Step
from jobshape.app.domain.tres import parse_tres, tres_cpus
from jobshape.app.domain.units import parse_count, parse_cpu_time, parse_size, parse_time

_FIELDS = (
    "JobIDRaw", "JobID", "State", "Start", "End", "ElapsedRaw", "ExitCode", "NNodes", "NTasks",
    "NCPUS", "NodeList", "TotalCPU", "MaxRSS", "AllocTRES", "JobName",
)  # fmt: skip
_NOTHING = {"None": "", "Unknown": "", "None assigned": "", "(null)": ""}
_RUNNING = "RUNNING"


def steps_command(job: str, *, mark: str = MARK) -> list[str]:
    """The command that shows a job and its steps, as accounting has them."""
    return ["sacct", "--noheader", "--parsable", f"--delimiter={mark}", "--noconvert",
            "--starttime=uts1000000000", f"--jobs={whole(job)}",
            "--format=" + ",".join(_FIELDS)]  # fmt: skip


def parse_steps(text: str, job: str, *, mark: str = MARK) -> list[Step] | None:
    """The steps of this one job, in their order; None where accounting does not know the job."""
    records = read_records(text, _FIELDS, mark)
    named = {record["JobID"]: record["JobIDRaw"] for record in records}
    number = named.get(job) or (job if job in named.values() else None)
    if number is None:
        return None
    steps = []
    for record in records:
        base, dot, step = record["JobIDRaw"].partition(".")
        if dot and base == number:
            try:
                steps.append(_accounted(step, record))
            except ValueError:
                continue
    return steps


def _accounted(step: str, record: dict[str, str]) -> Step:
    state = state_of(record["State"])
    is_over = state != _RUNNING
    peak = parse_size(record["MaxRSS"])
    return Step(
        step=step,
        name=record["JobName"],
        state=state,
        start_time=_number(record["Start"]),
        end_time=_number(record["End"]) if is_over else None,
        elapsed_s=_number(record["ElapsedRaw"]),
        exit_code=record["ExitCode"] if is_over else "",
        nodes=parse_count(record["NNodes"]),
        tasks=parse_count(record["NTasks"]),
        cpus=parse_count(record["NCPUS"]),
        node_list=_NOTHING.get(record["NodeList"], record["NodeList"]),
        total_cpu_s=parse_cpu_time(record["TotalCPU"]) if is_over else None,
        max_rss_bytes=peak or None,  # 0: it ended before it was measured
        tres=record["AllocTRES"],
    )


def running_steps_command(job: str) -> list[str]:
    """The command that shows the steps that run now, as the controller has them."""
    return ["scontrol", "--local", "--all", "--details", "show", "step", whole(job)]


def parse_running_steps(text: str) -> list[Step]:
    """The steps that :func:`running_steps_command` showed; one that makes no sense is left out.

    A step's name is free text on a line after its state, so what is said first counts.
    """
    steps = []
    for record in cut_records(text, "StepId"):
        fields: dict[str, str] = {}
        for line in record.split("\n"):
            for key, value in read_fields(line).items():
                fields.setdefault(key, value)
        try:
            steps.append(_running(fields))
        except ValueError:
            continue
    return steps


def _running(fields: dict[str, str]) -> Step:
    tres = fields.get("TRES", "")
    cpus = parse_count(fields.get("CPUs", ""))
    return Step(
        step=fields["StepId"].partition(".")[2],
        name=fields.get("Name", ""),
        state=state_of(fields.get("State", "")),
        start_time=parse_time(fields.get("StartTime", "")),
        end_time=None,
        elapsed_s=None,
        exit_code="",
        nodes=parse_count(fields.get("Nodes", "")),
        tasks=parse_count(fields.get("Tasks", "")),
        cpus=cpus or tres_cpus(parse_tres(tres)),  # 0 of the batch script: nobody counts them
        node_list=said(fields.get("NodeList")),
        total_cpu_s=None,
        max_rss_bytes=None,
        tres=said(tres),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def in_order(steps: Sequence[Step]) -> list[Step]:
    """The batch script first, then the steps by number, Slurm's own container last."""

    def key(step: Step) -> tuple[int, int, str]:
        if step.step.isdigit():
            return 1, int(step.step), ""
        return (2 if step.step == "extern" else 0), 0, step.step

    return sorted(steps, key=key)
