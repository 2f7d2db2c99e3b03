"""A report as one HTML file: no script, nothing fetched, plots inside, for light and dark."""

from collections.abc import Iterator
from html import escape

from jobshape.app.reports.markdown import clip
from jobshape.app.reports.parts import (
    Heading,
    MemoryPlot,
    Part,
    Points,
    Report,
    Table,
    TimePlot,
    Words,
)
from jobshape.app.reports.plots import COLOURS, memory_plot, time_plot

LONGEST = 1000

_STYLE = """\
:root { color-scheme: light dark; LIGHT }
@media (prefers-color-scheme: dark) { :root { DARK } }
body { margin: 2rem auto; padding: 0 1rem; max-width: 72rem; background: var(--ground);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
.sub, .more, figcaption { color: var(--quiet); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
td { overflow-wrap: break-word; max-width: 26rem; }
.right { text-align: right; white-space: nowrap; }
figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
"""


def as_html(report: Report) -> str:
    """The report; every text of others is escaped, and the file may load nothing."""
    return "\n".join(_lines(report)) + "\n"


def _style() -> str:
    made = _STYLE
    for at, name in enumerate(("LIGHT", "DARK")):
        colours = " ".join(f"--{key}: {pair[at]};" for key, pair in COLOURS.items())
        made = made.replace(name, colours)
    rules = [f".fill-{name} {{ fill: var(--{name}); }}" for name in COLOURS]
    rules += [f".stroke-{name} {{ stroke: var(--{name}); }}" for name in COLOURS]
    return made + "\n".join(rules)


def _text(text: str) -> str:
    return escape(clip(text, LONGEST))


def _lines(report: Report) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8"/>'
    yield ('<meta http-equiv="Content-Security-Policy" '
           'content="default-src \'none\'; style-src \'unsafe-inline\'"/>')  # fmt: skip
    yield '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
    yield f"<title>{_text(report.title)}</title>"
    yield f"<style>\n{_style()}\n</style>"
    yield "</head>"
    yield "<body>"
    yield f"<h1>{_text(report.title)}</h1>"
    yield f'<p class="sub">{_text(report.subtitle)}</p>'
    for section in report.sections:
        yield "<section>"
        yield f"<h2>{_text(section.title)}</h2>"
        for part in section.parts:
            yield from _part(part)
        yield "</section>"
    yield "</body>"
    yield "</html>"


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, Words):
        yield f"<p>{_text(part.text)}</p>"
    elif isinstance(part, Heading):
        yield f"<h3>{_text(part.text)}</h3>"
    elif isinstance(part, Points):
        if part.lines:
            yield "<ul>"
            yield from (f"<li>{_text(line)}</li>" for line in part.lines)
            yield "</ul>"
    elif isinstance(part, Table):
        yield from _table(part.slim())
    elif isinstance(part, TimePlot):
        yield from _figure(time_plot(part), part.caption)
    elif isinstance(part, MemoryPlot):
        yield from _figure(memory_plot(part), part.caption)


def _figure(svg: str, caption: str) -> Iterator[str]:
    yield f"<figure>\n{svg}\n<figcaption>{_text(caption)}</figcaption>\n</figure>"


def _table(table: Table) -> Iterator[str]:
    marks = [' class="right"' if column.align == "right" else "" for column in table.columns]
    heads = zip(marks, table.columns, strict=True)
    yield '<div class="wide"><table>'
    yield f"<thead><tr>{''.join(f'<th{m}>{_text(c.title)}</th>' for m, c in heads)}</tr></thead>"
    yield "<tbody>"
    for row in table.rows:
        cells = zip(marks, row, strict=True)
        yield f"<tr>{''.join(f'<td{mark}>{_text(cell)}</td>' for mark, cell in cells)}</tr>"
    yield "</tbody></table></div>"
    if table.left_out:
        yield f'<p class="more">and {table.left_out:,} more</p>'
