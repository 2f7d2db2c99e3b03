"""What a manifest asks of a job's files and log: output checks, preconditions, figures."""

import re
from typing import Annotated, Literal

from jobshape.app.rounds.manifest_fields import (
    Command,
    Name,
    Number,
    Part,
    Path,
    Regex,
    Truth,
    Word,
    one_of,
)
from pydantic import Field, model_validator

_RELATIONS = ("below", "at_most", "above", "at_least", "equals")


class JsonCondition(Part):
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


class OutputCheck(Part):
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


class Precondition(Part):
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
        one_of(self, ("file", "checkpoint", "command"))
        return self


class Figure(Part):
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
    def _source(self) -> "Figure":
        one_of(self, ("file", "log"))
        if (self.file is None) != (self.path is None):
            raise ValueError("`file` and `path` belong together")
        if self.log is not None and re.compile(self.log).groups < 1:
            raise ValueError("`log` needs a group ( ) around the number")
        return self


class Throughput(Figure):
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


class Metric(Figure):
    """A number that tells how good a job was."""

    name: Name = Field(description="What people call it.")
    stage: str | None = Field(
        default=None, description="Whose jobs give it; a smoke of these without it fails."
    )
    goal: Literal["min", "max"] = Field(description="Whether less or more is better.")
    threshold: Number | None = Field(default=None, description="From here on it is good enough.")
