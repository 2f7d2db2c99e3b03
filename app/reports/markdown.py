"""A report as Markdown that reads well in a terminal too."""

from collections.abc import Iterator

from jobshape.app.domain.markdown import escape_markdown
from jobshape.app.domain.text import sanitize
from jobshape.app.reports.parts import Heading, Part, Points, Report, Table, Words
from jobshape.app.text_table import cells

LONGEST_CELL = 60
LONGEST_LINE = 600


def as_markdown(report: Report) -> str:
    """The report, with every text of others escaped; plots are left to the HTML."""
    lines = [f"# {_line(report.title)}", "", _line(report.subtitle)]
    for section in report.sections:
        lines += ["", f"## {_line(section.title)}"]
        for part in section.parts:
            if made := list(_part(part)):
                lines += ["", *made]
    return "\n".join(lines) + "\n"


def clip(text: str, longest: int) -> str:
    """A text on one line, cut with a sign where it is longer."""
    text = sanitize(text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _line(text: str) -> str:
    return escape_markdown(clip(text, LONGEST_LINE), at_start=True)


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, Words):
        yield _line(part.text)
    elif isinstance(part, Heading):
        yield f"### {_line(part.text)}"
    elif isinstance(part, Points):
        yield from (f"- {_line(line)}" for line in part.lines)
    elif isinstance(part, Table):
        yield from _table(part.slim())


def _table(table: Table) -> Iterator[str]:
    """A table of GitHub's kind, its columns padded so that it is one in a terminal too."""
    rows = [[column.title for column in table.columns]]
    rows += [[escape_markdown(clip(cell, LONGEST_CELL)) for cell in row] for row in table.rows]
    widths = [max(3, *map(cells, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        yield f"| {' | '.join(map(_padded, row, widths, (c.align for c in table.columns)))} |"
        if number == 0:
            rules = (f"{'-' * (width - 1)}:" if column.align == "right" else "-" * width
                     for width, column in zip(widths, table.columns, strict=True))  # fmt: skip
            yield f"| {' | '.join(rules)} |"
    if table.left_out:
        yield ""
        yield f"and {table.left_out:,} more"


def _padded(text: str, width: int, align: str) -> str:
    space = " " * (width - cells(text))
    return space + text if align == "right" else text + space
