"""What is to be submitted: a script, its arguments, and the shape that it asks for in the end."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.scripts.directives import BatchScript, ScriptProblem, read_script
from jobshape.app.scripts.hashes import configuration_hash, text_hash
from jobshape.app.scripts.shape import shape_of

_COMMENT = re.compile(r"^[ \t]*#[ \t]*(NEEDS|CHECKPOINT):[ \t]*(\S.*?)[ \t\r]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Component:
    """One component of a heterogeneous job; an ordinary job has one."""

    number: int
    options: Mapping[str, str]  # of its #SBATCH lines
    shape: JobShape  # with what was changed for this submission over them
    problems: tuple[ScriptProblem, ...]  # values that sbatch refuses
    changed: frozenset[str] = frozenset()  # fields of the shape that do not come from the script


@dataclass(frozen=True, slots=True)
class Subject:
    """A submission to be checked.

    trouble: why the script cannot be read; then it is empty. path "": it lies nowhere yet.
    """

    script: str
    path: str
    arguments: tuple[str, ...]
    work_dir: str
    name: str
    stdout: str  # with its % patterns; "": the site's default
    batch: BatchScript
    components: tuple[Component, ...]
    trouble: str = ""
    trouble_hint: str = ""
    request: SubmitRequest = field(default_factory=lambda: SubmitRequest(script=""))

    @property
    def shape(self) -> JobShape:
        """What the job, or its first component, asks for."""
        return self.components[0].shape

    @property
    def script_hash(self) -> str:
        """Of the text."""
        return text_hash(self.script)

    @property
    def configuration_hash(self) -> str:
        """Of what it runs, whatever it asks for."""
        return configuration_hash(self.script, self.arguments)

    def line_of(self, *options: str, component: int = 0) -> int | None:
        """The line that says one of these options, the last one that holds."""
        found = [
            one.line for one in self.batch.directives
            if one.group == component and one.option in options
        ]  # fmt: skip
        return found[-1] if found else None

    def line_of_field(self, name: str, component: int = 0) -> int | None:
        """The line that says a field of the shape; None where it was changed for this time."""
        if name in self.components[component].changed:
            return None
        return self.line_of(*OPTIONS_OF.get(name, (FIELD_OF[name].option,)), component=component)

    def comments(self, word: str) -> list[tuple[int, str]]:
        """Lines and texts of the comments ``# WORD: text`` (NEEDS, CHECKPOINT)."""
        return [
            (self.script.count("\n", 0, match.start(2)) + 1, match[2])
            for match in _COMMENT.finditer(self.script) if match[1] == word
        ]  # fmt: skip

    def in_work_dir(self, path: str) -> Path:
        """A path as the job will see it."""
        return Path(self.work_dir) / path


OPTIONS_OF: dict[str, tuple[str, ...]] = {
    "memory_bytes": ("mem", "mem-per-cpu", "mem-per-gpu"),
    "gpus": ("gres", "gpus-per-node", "gpus", "gpus-per-task", "gpus-per-socket", "tres-per-task"),
}
"""Fields of a shape that several options can say."""


_VARIABLES = {
    "SBATCH_ACCOUNT": "account", "SBATCH_PARTITION": "partition", "SBATCH_QOS": "qos",
    "SBATCH_TIMELIMIT": "time", "SBATCH_CONSTRAINT": "constraint", "SBATCH_GRES": "gres",
    "SBATCH_MEM_PER_NODE": "mem", "SBATCH_ARRAY_INX": "array",
}  # fmt: skip


def subject_of(
    script: str,
    *,
    path: str = "",
    request: SubmitRequest | None = None,
    work_dir: str = "",
    environment: Mapping[str, str] | None = None,
) -> Subject:
    """What a request means for its script.

    request: what is said beside the script, as it will be sent; its ``script`` is not looked at.
    environment: variables that sbatch will see: SBATCH_PARTITION and the like beat the script's
    lines. work_dir: the folder it is sent from; a relative ``--chdir`` counts from there.
    """
    request = replace(request or SubmitRequest(script=script), script=script)
    batch = read_script(script)
    changes = JobShape(**{name: getattr(request, name) for name in FIELD_OF})
    changes = changes.over(_of_variables(environment or {}))
    components = []
    for number in range(batch.groups):
        options = batch.options(number)
        shape, problems = shape_of(options)
        over = changes if number == 0 else JobShape()  # sbatch's own options are of the first one
        components.append(Component(
            number, options, over.over(shape), tuple(problems),
            frozenset(name for name, _ in over.said()),
        ))  # fmt: skip
    first = components[0].options
    folder = str(PurePosixPath(work_dir or ".") / (request.work_dir or first.get("chdir") or ""))
    name = request.name or first.get("job-name") or PurePosixPath(path).name or "sbatch"
    return Subject(
        script=script, path=path, arguments=tuple(request.arguments), work_dir=folder, name=name,
        stdout=request.stdout or first.get("output", ""), batch=batch,
        components=tuple(components), request=replace(request, work_dir=folder),
    )  # fmt: skip


def _of_variables(environment: Mapping[str, str]) -> JobShape:
    """What sbatch's own variables ask for. Source: sbatch(1), INPUT ENVIRONMENT VARIABLES."""
    said = {
        option: environment[name] for name, option in _VARIABLES.items() if environment.get(name)
    }
    return shape_of(said)[0]


def unreadable(path: str, trouble: str, hint: str, work_dir: str) -> Subject:
    """A script that cannot be read."""
    made = subject_of("", path=path, work_dir=work_dir)
    return replace(made, trouble=trouble, trouble_hint=hint)
