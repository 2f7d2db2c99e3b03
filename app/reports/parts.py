"""What a report consists of before it is Markdown or HTML; texts are as they came."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Align = Literal["left", "right"]


def counted(number: int, word: str) -> str:
    """``1 trial``, ``1,200 trials``."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


class Column(NamedTuple):
    """A column of a table."""

    title: str
    align: Align = "left"
    may_go: bool = False  # where no row says anything in it


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """A list."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts. left_out: how many more there are."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0

    def slim(self) -> "Table":
        """Without the columns that may go and say nothing."""
        kept = [
            at for at, column in enumerate(self.columns)
            if not column.may_go or any(row[at] != "-" for row in self.rows)
        ]  # fmt: skip
        return Table(
            tuple(self.columns[at] for at in kept),
            tuple(tuple(row[at] for at in kept) for row in self.rows), self.left_out,
        )  # fmt: skip


class Bar(NamedTuple):
    """A bar of times: the parts are wait, run, retries, in seconds."""

    label: str
    parts: tuple[float, float, float]


class BarGroup(NamedTuple):
    """Bars under one heading."""

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class TimePlot:
    """Wall-clock by trial, by round. For a screen of text it says nothing: the tables have it."""

    groups: tuple[BarGroup, ...]
    baseline_s: float | None
    caption: str


class MemoryUse(NamedTuple):
    """Memory of a stage's runs that did well, in bytes of one node."""

    stage: str
    asked: float
    p50: float
    p95: float
    most: float
    out_of_memory: int  # attempts


@dataclass(frozen=True, slots=True)
class MemoryPlot:
    """Used against asked memory by stage."""

    stages: tuple[MemoryUse, ...]
    caption: str


Part = Words | Points | Heading | Table | TimePlot | MemoryPlot


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report under a heading of its own."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a campaign, its sections in their order."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
