"""The gate after a smoke: what a short run has to show before the same configuration runs long."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobshape.app.domain.text import sanitize
from jobshape.app.rounds.campaign import GateLine
from jobshape.app.rounds.commanding import RunCommand, run_command
from jobshape.app.rounds.conditions import check_checkpoint, check_output
from jobshape.app.rounds.figures import read_figures, read_metrics

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest import Smoke
    from jobshape.app.rounds.manifest_checks import Metric, OutputCheck, Throughput


def judge_smoke(
    smoke: "Smoke",
    check: "OutputCheck | None",
    metrics: Sequence["Metric"],
    *,
    state: str,
    folder: Path,
    submitted_at: float,
    log: str,
    run: RunCommand = run_command,
) -> tuple[GateLine, ...]:
    """The lines of the gate that the manifest asks for, in order; raises nothing.

    state: Slurm's word for how the job ended, which is COMPLETED only with exit code 0; empty: it
    has not said. check: the job's own output check; the smoke's stands in for it. log: the text of
    the job's log.
    """
    lines = [_line("exit 0", () if state == "COMPLETED" else (f"ended {sanitize(state)}",))]
    if not state:
        lines = [GateLine("exit 0", None, "how it ended is not known yet")]
    if output_check := smoke.output_check or check:
        lines.append(_line("output check", check_output(output_check, folder, submitted_at, run)))
    if metrics:
        _, wrong = read_metrics(metrics, folder, log, since=submitted_at)
        lines.append(_line("finite metrics", wrong))
    if smoke.checkpoint is not None:
        written = check_checkpoint(smoke.checkpoint, folder, submitted_at)
        lines.append(_line("checkpoint written", written))
    if smoke.throughput is not None:
        wrong = _out_of_band(smoke.throughput, folder, submitted_at, log)
        lines.append(_line("throughput in band", wrong))
    return tuple(lines)


def _line(name: str, wrong: Sequence[str]) -> GateLine:
    return GateLine(name, not wrong, "; ".join(wrong))


def _out_of_band(
    wanted: "Throughput", folder: Path, submitted_at: float, log: str
) -> tuple[str, ...]:
    (answer,) = read_figures([wanted], folder, log, submitted_at)
    if isinstance(answer, str):
        return (answer,)
    if wanted.at_least is not None and answer < wanted.at_least:
        return (f"is {answer:g}, should be at least {wanted.at_least:g}",)
    if wanted.at_most is not None and answer > wanted.at_most:
        return (f"is {answer:g}, should be at most {wanted.at_most:g}",)
    return ()
