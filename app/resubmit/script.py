"""The one script text that a resubmission is sent as, made from what is known of the old job. Pure.

Options of the old command line become ``#SBATCH`` lines, so that the script tells all of it.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.request import JobRequest, SubmitRequest
from jobshape.app.domain.resubmission import Correction
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.units import MIB, parse_size
from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.shape import shape_of
from jobshape.app.scripts.submit_line import SubmitLine, folded, read_submit_line
from jobshape.app.scripts.surgery import diff, with_options, with_shape

WRAPPED = "# This script was created by sbatch --wrap.\n"
ONE_BY_DEFAULT = ("nodes", "tasks", "cpus_per_task")


@dataclass(frozen=True, slots=True)
class Found:
    """An old job's script and everything it was submitted with."""

    text: str
    source: str
    request: JobRequest
    arguments: tuple[str, ...] | None = None  # from history, exact
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What is sent instead."""

    request: SubmitRequest
    diff: tuple[str, ...]
    warnings: tuple[str, ...]


def made(found: Found, corrections: tuple[Correction, ...], array: str | None) -> Made:
    """The request, its script carrying the corrected shape. Raises BadRequest where it cannot."""
    asked, warnings = found.request, list(found.warnings)
    command, is_known = _without_wrap(asked.submit_line, found.text)
    ours = found.arguments is not None  # then it came in on sbatch's standard input
    line = read_submit_line(command, "" if ours else asked.script_path)
    if not is_known:
        line = replace(line, sure=False, options_sure=False)
    text = folded(found.text, line)
    if asked.submit_line and not line.options_sure:
        warnings.append(
            f"its command line is not known for sure, look at the script: {asked.submit_line}"
        )
    text = _without_old_times(text, asked, line, warnings)
    shape = _missing(asked.shape, shape_of(read_script(text).options())[0], line, asked)
    changes = {one.field: one.new for one in corrections}
    if array is not None:
        changes["array"] = array
    elif "array" in read_script(text).options():
        text = with_options(text, {"array": None})
    text, scaled = _scaled(text, corrections)
    if scaled:
        changes.pop("memory_bytes", None)
        shape = replace(shape, memory_bytes=None)
    text = with_shape(text, replace(shape, **changes))
    if not asked.submit_line:
        text = _with_paths(text, asked)
    arguments = _arguments(found, line, warnings)
    return Made(
        _request(text, asked, arguments),
        tuple(diff(found.text, text, asked.script_path or "script")),
        tuple(dict.fromkeys(warnings)),
    )


def _scaled(text: str, corrections: tuple[Correction, ...]) -> tuple[str, bool]:
    """Memory for a CPU or GPU stays so: a figure for a node would be wrong on another node."""
    options = read_script(text).options()
    more = next((one for one in corrections if one.field == "memory_bytes" and one.old), None)
    name = next((one for one in ("mem-per-cpu", "mem-per-gpu") if one in options), "")
    if more is None or not name or "mem" in options:
        return text, False
    with suppress(ValueError):
        now = parse_size(options[name], default_unit="M")
        if now:
            mebibytes = math.ceil(now * more.new / more.old / MIB)
            return with_options(text, {name: f"{mebibytes}M"}), True
    return text, False


def _without_wrap(submit_line: str, text: str) -> tuple[str, bool]:
    """The command without its --wrap, and whether that is sure.

    Its quotes are lost, so that words of the wrapped command look like options; but the script that
    sbatch made of it holds it letter by letter.
    """
    body = text.partition(WRAPPED)[2].strip("\n") if WRAPPED in text else ""
    for start in ("--wrap=", "--wrap "):
        if body and f" {start}{body}" in submit_line:
            return submit_line.replace(f" {start}{body}", "", 1), True
    before, is_wrapped, _ = submit_line.partition(" --wrap")
    if body and is_wrapped:
        return before, False
    return submit_line, True


def _missing(asked: JobShape, says: JobShape, line: SubmitLine, of: JobRequest) -> JobShape:
    """What the job asks for and the script does not say: given to the site by another way.

    Where the whole command line is known, what neither says is the site's own default.
    """
    is_whole = bool(of.submit_line) and line.options_sure
    wanted: dict[str, object] = {}
    for name, value in asked.said():
        said = getattr(says, name)
        if name == "array" or _alike(name, value, said):
            continue
        if said is None and (is_whole or (name in ONE_BY_DEFAULT and value == 1)):
            continue
        wanted[name] = value
    return JobShape(**wanted)  # type: ignore[arg-type]


def _alike(name: str, now: object, said: object) -> bool:
    if said is None:
        return False
    if name == "partition":  # of several, a job that started has the one it ran in
        return str(now) in str(said).split(",") or now == said
    if isinstance(now, int) and isinstance(said, int):
        if name == "memory_bytes":
            return abs(now - said) < MIB
        if name == "time_limit_s" and UNLIMITED not in (now, said):
            return -(-now // 60) == -(-said // 60)  # Slurm keeps minutes
    return bool(now == said)


def _without_old_times(text: str, asked: JobRequest, line: SubmitLine, warnings: list[str]) -> str:
    """Without what was of that one submission: what it waited for, when it was due."""
    own = read_script(text).options()
    typed = line.options.get("dependency", "") if line.options_sure else ""
    dependency = typed or own.get("dependency", "") or asked.dependency
    gone: dict[str, str | None] = {}
    if dependency == "singleton":
        gone = {} if own.get("dependency") == dependency else {"dependency": dependency}
    elif dependency:
        warnings.append(f"waits for nothing now; it waited for {dependency}")
        gone = {"dependency": None} if "dependency" in own else {}
    for name in ("deadline", "begin"):
        if name in own:
            warnings.append(f"--{name}={own[name]} is left out: it was of the first submission")
            gone[name] = None
    return with_options(text, gone)


def _arguments(found: Found, line: SubmitLine, warnings: list[str]) -> tuple[str, ...]:
    for known in (found.arguments, found.request.arguments):
        if known is not None:
            return known
    if line.arguments and not line.sure:
        warnings.append(f"where its arguments were parted is a guess: {' | '.join(line.arguments)}")
    elif not found.request.submit_line:
        warnings.append("which arguments it was given is not known: sent without any")
    return line.arguments


def _request(text: str, asked: JobRequest, arguments: tuple[str, ...]) -> SubmitRequest:
    own: Mapping[str, str] = read_script(text).options()
    return SubmitRequest(
        text, arguments=arguments,
        name=None if own.get("job-name") == asked.name else asked.name or None,
        work_dir=asked.work_dir or None,
        comment=None if own.get("comment") == asked.comment else asked.comment or None,
    )  # fmt: skip


def _with_paths(text: str, asked: JobRequest) -> str:
    """The script with what a site without a command line was told apart from it."""
    own = read_script(text).options()
    told = {
        "output": asked.stdout,
        "error": asked.stderr,
    }
    return with_options(text, {
        name: value for name, value in told.items() if value and name not in own
    })  # fmt: skip
