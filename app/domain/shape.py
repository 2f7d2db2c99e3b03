"""The shape of a job: what it asks for, field by field."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple

Kind = Literal["text", "count", "size", "duration", "gpus"]


@dataclass(frozen=True, slots=True)
class JobShape:
    """What a job asks for. None: it does not say, so what the site gives by default holds."""

    partition: str | None = None  # several, comma separated
    account: str | None = None
    qos: str | None = None
    nodes: int | None = None  # the least number it runs on
    tasks: int | None = None
    cpus_per_task: int | None = None
    memory_bytes: int | None = None  # per node; 0: all that the node has
    gpus: str | None = None  # per node, as Slurm writes it behind "gpu:": "a100:2", "1"; "0": none
    time_limit_s: int | None = None  # UNLIMITED for none
    array: str | None = None  # "0-9%2"
    features: str | None = None  # --constraint
    exclude_nodes: str | None = None  # a node list: "n[1-3]"

    def over(self, below: "JobShape") -> "JobShape":
        """This shape where it says something, the other one where it does not."""
        return replace(below, **{name: value for name, value in self.said()})

    def said(self) -> Iterator[tuple[str, Any]]:
        """The fields that say something, with their values."""
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None:
                yield item.name, value


class ShapeField(NamedTuple):
    """How a field of a shape is called, by people and by sbatch, and what may stand in it."""

    name: str  # of JobShape, JobChanges and SubmitRequest
    title: str
    option: str  # sbatch's long option
    kind: Kind
    help: str


SHAPE_FIELDS: tuple[ShapeField, ...] = (
    ShapeField("partition", "Partition", "partition", "text", "one, or several: main,long"),
    ShapeField("account", "Account", "account", "text", "who pays"),
    ShapeField("qos", "QOS", "qos", "text", "quality of service"),
    ShapeField("nodes", "Nodes", "nodes", "count", "how many nodes"),
    ShapeField("tasks", "Tasks", "ntasks", "count", "processes that srun starts, on all nodes"),
    ShapeField("cpus_per_task", "CPUs a task", "cpus-per-task", "count", "cores for each task"),
    ShapeField("memory_bytes", "Memory a node", "mem", "size", "12G, +20%, x2; 0: all of the node"),
    ShapeField("gpus", "GPUs a node", "gres", "gpus", "2, a100:2, 0 for none"),
    ShapeField("time_limit_s", "Walltime", "time", "duration", "2:30:00, 1-00, +50%, x2"),
    ShapeField("array", "Array", "array", "text", "0-99%10: tasks, and how many at once"),
    ShapeField("features", "Constraint", "constraint", "text", "features a node must have"),
    ShapeField("exclude_nodes", "Not on nodes", "exclude", "text", "n3,n[7-9]"),
)  # fmt: skip
"""All fields of a shape, in the order people read them."""

FIELD_OF: dict[str, ShapeField] = {field.name: field for field in SHAPE_FIELDS}
