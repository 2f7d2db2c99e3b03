"""The manifest as frozen pydantic models: what may stand in ``jobshape.yaml``.

Values come as the texts that stand in the file (:mod:`reading`), so that ``1e-3``, ``no`` and
``007`` reach a job as they were written. Imported only where a manifest is read.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any

from jobshape.app.domain.entry import BadEntry, read_entry
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.rounds.manifest_checks import Metric, OutputCheck, Precondition, Throughput
from jobshape.app.rounds.manifest_fields import (
    PARAMETER,
    Command,
    Duration,
    Name,
    Number,
    Part,
    Path,
    Regex,
    Truth,
    Whole,
    Word,
    Words,
    one_of,
)
from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

SHAPE_NAMES: Mapping[str, str] = {
    "partition": "partition", "account": "account", "qos": "qos", "nodes": "nodes",
    "tasks": "tasks", "cpus": "cpus_per_task", "memory": "memory_bytes", "gpus": "gpus",
    "time": "time_limit_s", "constraint": "features", "exclude": "exclude_nodes",
}  # fmt: skip
"""Names of a shape in the manifest -> fields of JobShape. Arrays are made, not written."""


_Text = Annotated[str | None, WithJsonSchema({"type": "string"})]
_Size = Annotated[str | None, WithJsonSchema({"type": ["string", "integer"]})]


class Shape(Part):
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


class StageMatch(Part):
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


class Smoke(Part):
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


class Retry(Part):
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


class Budget(Part):
    """What the whole may use; jobshape stops and asks before it is passed."""

    wall_clock: Duration | None = Field(
        default=None, description="From first submission to last end."
    )
    gpu_hours: Number | None = Field(default=None, gt=0, description="GPUs times hours.")
    money: Number | None = Field(default=None, gt=0, description="By the site's prices.")


class Rounds(Part):
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
    keep_lessons: Truth = Field(
        default=False, description="Add what was learned to docs/jobshape-log.md at the end."
    )
    wave: Whole | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Jobs of a round sent at once; the next when all have ended.",
    )


class Stage(Part):
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
        one_of(self, ("script", "command"))
        return self


class Job(Part):
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


class Grid(Part):
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


class Phase(Part):
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


class Manifest(Part):
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
