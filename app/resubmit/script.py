"""The one script text that a resubmission is sent as, made from what is known of the old job. Pure.

Options of the old command line become ``#SBATCH`` lines, so that the script tells all of it.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.request import JobRequest, SubmitRequest
from jobshape.app.domain.resubmission import Correction
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.units import MIB, parse_size
from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.shape import shape_of
from jobshape.app.scripts.submit_line import (
    SubmitLine,
    folded,
    folded_components,
    read_submit_line,
    read_submit_lines,
)
from jobshape.app.scripts.surgery import diff, with_components, with_options, with_shape

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
    behind: tuple[JobRequest, ...] = ()  # of the further components of a heterogeneous job

    @property
    def requests(self) -> tuple[JobRequest, ...]:
        """Of each component, in order; of an ordinary job there is one."""
        return (self.request, *self.behind)


@dataclass(frozen=True, slots=True)
class Made:
    """What is sent instead."""

    request: SubmitRequest
    diff: tuple[str, ...]
    warnings: tuple[str, ...]


def made(found: Found, corrections: Sequence[Correction], array: str | None) -> Made:
    """The request, its script carrying the corrected shape. Raises BadRequest where it cannot."""
    asked, warnings = found.request, list(found.warnings)
    text, lines = _with_command(found, warnings)
    text = _without_old_times(text, found, lines, warnings)
    # The last one first: what a component says holds for those behind that do not say it.
    for group, request in reversed(list(enumerate(found.requests))):
        text = _with_own_shape(text, group, request, _line(lines, group), corrections, array)
    if not asked.submit_line:
        text = _with_paths(text, found.requests)
    arguments = _arguments(found, lines[-1], warnings)
    return Made(
        _request(*_with_own_names(text, found.requests), arguments),
        tuple(diff(found.text, text, asked.script_path or "script")),
        tuple(dict.fromkeys(warnings)),
    )


def _with_command(found: Found, warnings: list[str]) -> tuple[str, tuple[SubmitLine, ...]]:
    """The script with the options of the old command in it, and these by component."""
    asked = found.request
    command, is_known = _without_wrap(asked.submit_line, found.text)
    ours = found.arguments is not None  # then it came in on sbatch's standard input
    path = "" if ours else asked.script_path
    is_het = bool(found.behind)
    lines = read_submit_lines(command, path) if is_het else (read_submit_line(command, path),)
    if not is_known:
        lines = tuple(replace(line, sure=False, options_sure=False) for line in lines)
    text = folded_components(found.text, lines) if is_het else folded(found.text, lines[0])
    known = len(found.requests)
    if is_het and not asked.submit_line:  # what it said follows from what the components ask for
        text = with_components(text, known)
    groups = read_script(text).groups
    if is_het and groups != known:
        raise BadRequest(
            f"its script and command tell of {groups} components, and {known} are known of the job",
            hint="submit its script by hand",
        )  # fmt: skip
    if asked.submit_line and not all(line.options_sure for line in lines):
        warnings.append(
            f"its command line is not known for sure, look at the script: {asked.submit_line}"
        )
    return text, lines


def _line(lines: Sequence[SubmitLine], group: int) -> SubmitLine:
    """The options that hold for a component: the last ones that were given count for the rest."""
    return lines[min(group, len(lines) - 1)]


def _with_own_shape(
    text: str, group: int, asked: JobRequest, line: SubmitLine, corrections: Sequence[Correction],
    array: str | None,
) -> str:  # fmt: skip
    """The script asking for what one component is to get."""
    options = read_script(text).options(group)
    says = shape_of(options)[0]
    shape = _missing(asked.shape, says, line, asked)
    before = {one.field for one in corrections if one.component < group}
    shape = shape.over(JobShape(**{  # it would take over what those before it get
        name: value for name, value in asked.shape.said()
        if name in before and getattr(says, name) is None
    }))  # fmt: skip
    corrections = [one for one in corrections if one.component == group]
    changes = {one.field: one.new for one in corrections}
    if array is not None:
        changes["array"] = array
    elif "array" in options:
        text = with_options(text, {"array": None}, group=group)
    text, scaled = _scaled(text, corrections, group)
    if scaled:
        changes.pop("memory_bytes", None)
        shape = replace(shape, memory_bytes=None)
    return with_shape(text, replace(shape, **changes), group=group)


def _scaled(text: str, corrections: Sequence[Correction], group: int = 0) -> tuple[str, bool]:
    """Memory for a CPU or GPU stays so: a figure for a node would be wrong on another node."""
    options = read_script(text).options(group)
    more = next((one for one in corrections if one.field == "memory_bytes" and one.old), None)
    name = next((one for one in ("mem-per-cpu", "mem-per-gpu") if one in options), "")
    if more is None or not name or "mem" in options:
        return text, False
    with suppress(ValueError):
        now = parse_size(options[name], default_unit="M")
        if now:
            mebibytes = math.ceil(now * more.new / more.old / MIB)
            return with_options(text, {name: f"{mebibytes}M"}, group=group), True
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


def _without_old_times(
    text: str, found: Found, lines: Sequence[SubmitLine], warnings: list[str]
) -> str:
    """Without what was of that one submission: what it waited for, when it was due."""
    for group, asked in enumerate(found.requests):
        text = _without_times_of(text, group, asked, _line(lines, group), warnings)
    return text


def _without_times_of(
    text: str, group: int, asked: JobRequest, line: SubmitLine, warnings: list[str]
) -> str:
    own = read_script(text).options(group)
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
    return with_options(text, gone, group=group)


def _arguments(found: Found, line: SubmitLine, warnings: list[str]) -> tuple[str, ...]:
    for known in (found.arguments, found.request.arguments):
        if known is not None:
            return known
    if line.arguments and not line.sure:
        warnings.append(f"where its arguments were parted is a guess: {' | '.join(line.arguments)}")
    elif not found.request.submit_line:
        warnings.append("which arguments it was given is not known: sent without any")
    return line.arguments


def _with_own_names(text: str, requests: Sequence[JobRequest]) -> tuple[str, JobRequest]:
    """The script, and the request whose name, folder and comment the command is to give.

    What the command says counts for all components: so where these differ the script says it.
    """
    asked = requests[0]
    apart: set[str] = set()
    for option, field in (("job-name", "name"), ("chdir", "work_dir"), ("comment", "comment")):
        values = [getattr(one, field) for one in requests]
        if len(set(values)) == 1:
            continue
        for group, value in enumerate(values):
            if value and read_script(text).options(group).get(option) != value:
                text = with_options(text, {option: value}, group=group)
        apart.add(field)
    return text, replace(
        asked, name="" if "name" in apart else asked.name,
        work_dir="" if "work_dir" in apart else asked.work_dir,
        comment="" if "comment" in apart else asked.comment,
    )  # fmt: skip


def _request(text: str, asked: JobRequest, arguments: tuple[str, ...]) -> SubmitRequest:
    own: Mapping[str, str] = read_script(text).options()
    return SubmitRequest(
        text, arguments=arguments,
        name=None if own.get("job-name") == asked.name else asked.name or None,
        work_dir=asked.work_dir or None,
        comment=None if own.get("comment") == asked.comment else asked.comment or None,
    )  # fmt: skip


def _with_paths(text: str, requests: Sequence[JobRequest]) -> str:
    """The script with what a site without a command line was told apart from it."""
    for group, asked in enumerate(requests):
        own = read_script(text).options(group)
        told = {"output": asked.stdout, "error": asked.stderr}
        text = with_options(
            text, {name: value for name, value in told.items() if value and name not in own},
            group=group,
        )  # fmt: skip
    return text
