"""The manifest as frozen pydantic models: what may stand in ``jobshape.yaml``.

Values come as the texts that stand in the file (:mod:`reading`), so that ``1e-3``, ``no`` and
``007`` reach a job as they were written. Imported only where a manifest is read.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Annotated, Any, Literal

from jobshape.app.domain.entry import BadEntry, read_entry
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.shape import FIELD_OF, JobShape
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Names of projects, stages and phases: they become parts of job and file names."""

PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

SHAPE_NAMES: Mapping[str, str] = {
    "partition": "partition", "account": "account", "qos": "qos", "nodes": "nodes",
    "tasks": "tasks", "cpus": "cpus_per_task", "memory": "memory_bytes", "gpus": "gpus",
    "time": "time_limit_s", "constraint": "features", "exclude": "exclude_nodes",
}  # fmt: skip
"""Names of a shape in the manifest -> fields of JobShape. Arrays are made, not written."""


def _number(value: Any) -> Any:
    if isinstance(value, str):
        with suppress(ValueError):
            return float(value)
        raise ValueError(f"must be a number, not {value!r}")
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{1,9}", value):
            raise ValueError(f"must be a whole number, not {value!r}")
        return int(value)
    return value


def _truth(value: Any) -> Any:
    if isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise ValueError(f"must be true or false, not {value!r}")
        return value.lower() == "true"
    return value


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return pattern


def _seconds(text: str) -> str:
    try:
        seconds = read_entry("duration", text)
    except BadEntry as error:
        raise ValueError(f"{text!r} is no time: {error}") from None
    if not seconds or seconds == UNLIMITED:
        raise ValueError("must be a time, like 0:30:00 or 2h")
    return text


def _path(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has control characters")
    return text


def _word(text: str) -> str:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("has letters that no command can be given")
    return text


_SCALAR_SCHEMA = {"type": ["string", "number", "boolean"]}
Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(_whole)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Name = Annotated[str, Field(pattern=NAME)]
Regex = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_regex)]
Duration = Annotated[str, AfterValidator(_seconds), WithJsonSchema({"type": ["string", "integer"]})]
Path = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_path)]
Word = Annotated[
    str, Field(max_length=100_000), AfterValidator(_word), WithJsonSchema(_SCALAR_SCHEMA)
]
"""A word of a command, or a parameter's value, as it stands in the file."""
Words = tuple[Word, ...]
Command = Annotated[tuple[Word, ...], Field(min_length=1)]
"""The words of a command; never a line for a shell."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _one_of(part: BaseModel, names: tuple[str, ...]) -> None:
    given = [name for name in names if getattr(part, name) is not None]
    if len(given) != 1:
        listed = ", ".join(f"`{name}`" for name in names)
        said = f"has {' and '.join(f'`{n}`' for n in given)}" if given else "has none"
        raise ValueError(f"needs exactly one of {listed}; it {said}")


_Text = Annotated[str | None, WithJsonSchema({"type": "string"})]
_Size = Annotated[str | None, WithJsonSchema({"type": ["string", "integer"]})]


class Shape(_Part):
    """What a job asks for, in people's units."""

    partition: _Text = Field(default=None, description="One, or several: main,long.")
    account: _Text = Field(default=None, description="Who pays.")
    qos: _Text = Field(default=None, description="Quality of service.")
    nodes: _Size = Field(default=None, description="How many nodes.")
    tasks: _Size = Field(default=None, description="Processes that srun starts, on all nodes.")
    cpus: _Size = Field(default=None, description="Cores for each task.")
    memory: _Size = Field(default=None, description="Memory a node: 12G; 0: all of the node.")
    gpus: _Size = Field(default=None, description="GPUs a node: 2, a100:2, 0 for none.")
    time: _Size = Field(
        default=None, description="Walltime: 2:30:00, 1-00, 3h; a bare number: minutes."
    )
    constraint: _Text = Field(default=None, description="Features a node must have.")
    exclude: _Text = Field(default=None, description="Not on these nodes: n3,n[7-9].")

    @field_validator(*SHAPE_NAMES)
    @classmethod
    def _readable(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is not None:
            try:
                value = read_entry(FIELD_OF[SHAPE_NAMES[str(info.field_name)]].kind, text)
            except BadEntry as error:
                raise ValueError(f"cannot be {text!r}: {error}") from None
            if value is None:
                raise ValueError("must not be empty")
        return text

    @cached_property
    def values(self) -> JobShape:
        """The same as a job's shape."""
        made: dict[str, Any] = {}
        for name, field in SHAPE_NAMES.items():
            text = getattr(self, name)
            if text is not None:
                made[field] = read_entry(FIELD_OF[field].kind, text)
        return JobShape(**made)


class StageMatch(_Part):
    """Which jobs of the queue belong to a stage: all patterns given must be found."""

    name: Regex | None = Field(default=None, description="Pattern for the job's name.")
    comment: Regex | None = Field(default=None, description="Pattern for its comment.")
    work_dir: Regex | None = Field(default=None, description="Pattern for its working folder.")
    partition: Regex | None = Field(default=None, description="Pattern for its partition.")

    @model_validator(mode="after")
    def _says_something(self) -> "StageMatch":
        if not self.model_fields_set:
            raise ValueError("matches nothing: give it `name`, `comment`, `work_dir`, `partition`")
        return self


_RELATIONS = ("below", "at_most", "above", "at_least", "equals")


class JsonCondition(_Part):
    """A value in a JSON file, and what it has to be."""

    file: Path = Field(description="The JSON file.")
    path: Annotated[str, Field(min_length=1, max_length=1000)] = Field(
        description="Way to the value: loss, or eval.scores.0; -1 is a list's last."
    )
    below: Number | None = Field(default=None, description="It is less than this.")
    at_most: Number | None = Field(default=None, description="It is this or less.")
    above: Number | None = Field(default=None, description="It is more than this.")
    at_least: Number | None = Field(default=None, description="It is this or more.")
    equals: Word | None = Field(default=None, description="It is this text, number, true or false.")

    @model_validator(mode="after")
    def _asks_something(self) -> "JsonCondition":
        if all(getattr(self, name) is None for name in _RELATIONS):
            raise ValueError(f"asks nothing: give it one of {', '.join(_RELATIONS)}")
        return self


class OutputCheck(_Part):
    """What has to be there, for a job that Slurm calls completed, to count as completed."""

    file: Path | None = Field(default=None, description="This file or folder is there.")
    glob: Path | None = Field(
        default=None, description="At least one file or folder fits this pattern; ** for any depth."
    )
    not_empty: Truth = Field(
        default=True, description="It has at least one byte; a folder, one entry."
    )
    newer: Truth = Field(
        default=True, description="It, and each JSON file, was written after the submission."
    )
    command: Command | None = Field(
        default=None, description="This command, as words, ends with 0."
    )
    json_: tuple[JsonCondition, ...] = Field(
        default=(), alias="json", description="Values in JSON files, all of which must hold."
    )

    @model_validator(mode="after")
    def _checks_something(self) -> "OutputCheck":
        if self.file is not None and self.glob is not None:
            raise ValueError("has both `file` and `glob`: leave one out")
        if not (self.file or self.glob or self.command or self.json_):
            raise ValueError("checks nothing: give it `file`, `glob`, `command` or `json`")
        return self


class Precondition(_Part):
    """What has to hold before a job is sent."""

    file: Path | None = Field(default=None, description="This file or folder is there.")
    checkpoint: Path | None = Field(
        default=None, description="A file or folder that is not empty fits this pattern."
    )
    command: Command | None = Field(
        default=None, description="This command, as words, ends with 0."
    )

    @model_validator(mode="after")
    def _one(self) -> "Precondition":
        _one_of(self, ("file", "checkpoint", "command"))
        return self


class _Figure(_Part):
    """A number that a job leaves, in a JSON file or in its log."""

    file: Path | None = Field(default=None, description="A JSON file that holds it; with `path`.")
    path: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Way to it in the file: loss, eval.scores.0; -1 is a list's last."
    )
    log: Regex | None = Field(
        default=None,
        description="Pattern in a line of the log; its first group is the number; the last wins.",
    )

    @model_validator(mode="after")
    def _source(self) -> "_Figure":
        _one_of(self, ("file", "log"))
        if (self.file is None) != (self.path is None):
            raise ValueError("`file` and `path` belong together")
        if self.log is not None and re.compile(self.log).groups < 1:
            raise ValueError("`log` needs a group ( ) around the number")
        return self


class Throughput(_Figure):
    """How fast a smoke has to be: a number, and the band it lies in."""

    at_least: Number | None = Field(default=None, description="It is this or more.")
    at_most: Number | None = Field(default=None, description="It is this or less.")

    @model_validator(mode="after")
    def _band(self) -> "Throughput":
        if self.at_least is None and self.at_most is None:
            raise ValueError("has no band: give it `at_least`, `at_most` or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("has `at_least` above `at_most`: nothing lies between")
        return self


class Smoke(_Part):
    """How the same configuration runs short."""

    options: dict[str, Word] = Field(
        default={},
        description="Options of the job's arguments and the value each has: {--steps: 20}.",
    )
    arguments: Words = Field(default=(), description="Words added behind the job's own.")
    variables: dict[str, Word] = Field(default={}, description="Environment variables.")
    shape: Shape = Field(default=Shape(), description="What it asks for instead.")
    partition: _Text = Field(
        default=None, description="Where it runs; the site's smoke partition if left."
    )
    output_check: OutputCheck | None = Field(
        default=None, description="Instead of the job's own, which a short run may not reach."
    )
    checkpoint: Path | None = Field(
        default=None, description="A file or folder, not empty, that it writes fits this pattern."
    )
    throughput: Throughput | None = Field(default=None, description="How fast it has to be.")

    @model_validator(mode="after")
    def _variables(self) -> "Smoke":
        for name in self.variables:
            if not PARAMETER.fullmatch(name):
                raise ValueError(f"{name!r} is no name of an environment variable")
        return self


class Retry(_Part):
    """When a failed job is sent again by itself."""

    most: Whole = Field(default=2, ge=0, le=20, description="How often one job is sent again.")
    delay: Duration = Field(default="0:05:00", description="How long it waits before.")
    memory_percent: Number = Field(
        default=20.0, ge=0, le=900, description="Memory it gets more after running out of memory."
    )

    @property
    def delay_s(self) -> int:
        """The delay in seconds."""
        return int(read_entry("duration", self.delay))


class Metric(_Figure):
    """A number that tells how good a job was."""

    name: Name = Field(description="What people call it.")
    goal: Literal["min", "max"] = Field(description="Whether less or more is better.")
    threshold: Number | None = Field(default=None, description="From here on it is good enough.")


class Budget(_Part):
    """What the whole may use; jobshape stops and asks before it is passed."""

    wall_clock: Duration | None = Field(
        default=None, description="From first submission to last end."
    )
    gpu_hours: Number | None = Field(default=None, gt=0, description="GPUs times hours.")
    money: Number | None = Field(default=None, gt=0, description="By the site's prices.")


class Rounds(_Part):
    """How a campaign goes from a smoke over a small sweep to everything."""

    sweep: Whole = Field(
        default=6, ge=1, le=1_000_000, description="Jobs of a phase in its first round, at most."
    )
    vary: Whole = Field(
        default=2,
        ge=1,
        le=1000,
        description="Parameters that vary in it; others stay at their first value.",
    )
    growth: Number = Field(
        default=4.0,
        gt=1,
        le=1_000_000,
        description="Times as many jobs after each round that was stable.",
    )
    plateau_percent: Number = Field(
        default=5.0, ge=0, lt=100, description="What is faster by less than this is not faster."
    )
    stable: Number = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of a round's jobs that may fail; with more, back to a smoke.",
    )
    wave: Whole | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Jobs of a round sent at once; the next when all have ended.",
    )


class Stage(_Part):
    """One kind of work: what runs, and what it asks for."""

    name: Name = Field(description="The stage's name.")
    script: Path | None = Field(default=None, description="A batch script.")
    command: Command | None = Field(default=None, description="Or a command, as words.")
    shape: Shape = Field(default=Shape(), description="What its jobs ask for.")
    rules: tuple[StageMatch, ...] = Field(default=(), description="Other jobs that belong to it.")
    output_check: OutputCheck | None = Field(default=None, description="For jobs that have none.")
    smoke: Smoke | None = Field(default=None, description="Instead of the manifest's own.")

    @model_validator(mode="after")
    def _runs(self) -> "Stage":
        _one_of(self, ("script", "command"))
        return self


class Job(_Part):
    """One job, named by hand."""

    id: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="Its name.")
    stage: str | None = Field(default=None, description="Its stage; the phase's if left out.")
    args: Words = Field(default=(), description="Words behind the script or command.")
    cmd: Command | None = Field(default=None, description="Runs this instead of the stage's.")
    shape: Shape = Field(default=Shape(), description="What it asks for other than its stage.")
    output_check: OutputCheck | None = Field(default=None, description="Instead of the stage's.")
    preconditions: tuple[Precondition, ...] = Field(default=(), description="Beside the phase's.")


class Template(Job):
    """Every job of a grid; ``${name}`` stands for a parameter's value."""


class Grid(_Part):
    """Every combination of the parameters' values."""

    parameters: dict[str, Annotated[tuple[Word, ...], Field(min_length=1)]] = Field(
        min_length=1, description="Name -> its values."
    )
    exclude: tuple[dict[str, Word], ...] = Field(
        default=(),
        description="Combinations that are left out; a part of one leaves out all with it.",
    )
    include: tuple[dict[str, Word], ...] = Field(
        default=(), description="Whole combinations that are added."
    )
    choose: tuple[Word, ...] = Field(
        default=(),
        description="Parameters whose values are alternatives: the fastest is kept, work done with "
        "one is not done again with another.",
    )
    template: Template = Field(description="What each job is like.")


class Phase(_Part):
    """Jobs that may run at the same time."""

    name: Name = Field(description="The phase's name.")
    depends_on: tuple[str, ...] = Field(
        default=(), description="Phases that have to succeed before."
    )
    stage: str | None = Field(
        default=None, description="Its jobs' stage; may be left where there is one."
    )
    jobs: tuple[Job, ...] = Field(default=(), description="Jobs named by hand.")
    grid: Grid | None = Field(default=None, description="Jobs made from parameters.")
    preconditions: tuple[Precondition, ...] = Field(
        default=(), description="Before any of its jobs."
    )
    max_parallel: Whole | None = Field(
        default=None, ge=1, le=1_000_000, description="Tasks of one array that run at once."
    )
    retry: Retry | None = Field(default=None, description="Instead of the manifest's own.")

    @model_validator(mode="after")
    def _has_jobs(self) -> "Phase":
        if not self.jobs and self.grid is None:
            raise ValueError("has no jobs: give it `jobs` or a `grid`")
        return self


class Manifest(_Part):
    """A workload: stages, phases and their jobs, and how it is run in rounds."""

    project: Name = Field(description="What the workload is called.")
    site: Annotated[str, Field(min_length=1)] = Field(
        default="auto", description="A site of `jobshape sites`; auto: as the settings say."
    )
    stages: tuple[Stage, ...] = Field(min_length=1, description="Kinds of work, in order.")
    phases: tuple[Phase, ...] = Field(min_length=1, description="What runs, in order.")
    max_parallel: Whole | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Tasks of one array at once, where a phase says none.",
    )
    smoke: Smoke = Field(default=Smoke(), description="How a configuration runs short.")
    retry: Retry = Field(default=Retry(), description="When a failed job is sent again.")
    metrics: tuple[Metric, ...] = Field(default=(), description="What success is measured by.")
    budget: Budget = Field(default=Budget(), description="What the whole may use.")
    rounds: Rounds = Field(default=Rounds(), description="How it goes from small to all.")

    @cached_property
    def stage_of(self) -> dict[str, Stage]:
        """Stages by name."""
        return {stage.name: stage for stage in self.stages}

    @property
    def stage_rules(self) -> list[dict[str, str]]:
        """Which other jobs belong to which stage, as StageRules takes them."""
        return [
            {"stage": stage.name, **rule.model_dump(exclude_none=True)}
            for stage in self.stages
            for rule in stage.rules
        ]

    def retry_of(self, phase: Phase) -> Retry:
        """How jobs of a phase are tried again."""
        return phase.retry or self.retry

    def smoke_of(self, stage: str) -> Smoke:
        """How jobs of a stage run short."""
        return self.stage_of[stage].smoke or self.smoke

    def parallel_of(self, phase: Phase) -> int | None:
        """How many tasks of an array of a phase run at once; None: as many as the site lets."""
        return phase.max_parallel or self.max_parallel
