"""What a job uses over time, as plots: memory with its limit, CPUs, GPUs."""

import textwrap
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from jobshape.app.board import usage_figures as figures
from jobshape.app.board.link import Feature
from jobshape.app.board.usage_figures import Curve
from jobshape.app.domain.job import Job, Usage
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.units import format_size
from jobshape.widgets.glyphs import Glyphs, plain
from jobshape.widgets.lines import Lines
from jobshape.widgets.palette import Palette
from jobshape.widgets.spans import Piece, strip_of
from jobshape.widgets.text import clean, fit, width_of
from rich.style import Style

WARN_SHARE = 0.95
"""The share of the memory limit with a line of its own: above it the kernel may kill the job."""

_LABEL_WIDTH = 6
_LEAST_HEIGHT, _LEAST_WIDTH = 6, 30
"""Of one plot, title and times included."""

_MOST_HEIGHT = 18
_MEMORY_SIGN = "·"
_LOW_HEIGHT = 10
_SHORTEST_S = 60.0
"""The least time that a plot spans, so that two samples are no steep line."""


class PlotContent(NamedTuple):
    """What is drawn: samples of this run, oldest first, and what the site can measure."""

    job: Job
    samples: tuple[Usage, ...]
    usage: Feature | None
    gpu_usage: Feature | None


class Line(NamedTuple):
    """A level with a name: a limit."""

    value: float
    label: str
    kind: str  # "limit" or "warning"


class Block(NamedTuple):
    """One plot: its title, the value now and at most, and what is drawn."""

    title: str
    figures: tuple[str, ...]  # the most needed first
    curves: tuple[tuple[Curve, str], ...]  # with their role: "first", "second"
    top: float  # the value of the upper edge
    scale: tuple[tuple[float, str], ...]  # values with a label at the left
    lines: tuple[Line, ...] = ()
    is_high: bool = False


class UsagePlots(Lines):
    """All plots of a job, one below the other or side by side, as there is room."""

    DEFAULT_CSS = "UsagePlots { height: 1fr; }"

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self.content: PlotContent | None = None

    def show(self, content: PlotContent) -> None:
        """Show these; the same again paints nothing."""
        if content != self.content:
            self.content = content
            self.redraw()

    def wanted_height(self, width: int) -> int:
        """Lines for one row of low plots, or for the words in their place."""
        if self.content is None:
            return 1
        words = [part for text in words_of(self.content) for part in _folded(text, width - 1)]
        plots = _LOW_HEIGHT if blocks_of(self.content) else 0
        return plots + len(words) + (1 if words else 0)

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The plots, then what is to be said of what is missing."""
        content, palette, glyphs = self.content, self.palette, self._glyphs
        if content is None or width < _LABEL_WIDTH + 8:
            return []
        blocks = blocks_of(content)
        words = [clean(text, glyphs) for text in words_of(content)]
        notes = [[(part, palette.muted)] for text in words for part in _folded(text, width - 1)]
        if not blocks:
            return notes
        times = figures.span([curve for block in blocks for curve, _ in block.curves])
        assert times is not None
        times = (min(times[0], times[1] - _SHORTEST_S), times[1])
        room = height - len(notes) - (1 if notes else 0)
        stacked = (room + 1) // len(blocks)
        if stacked > _LEAST_HEIGHT or width < 2 * _LEAST_WIDTH:
            lines: list[list[Piece]] = []
            for block in blocks:
                height_of_one = min(_MOST_HEIGHT, stacked - 1)
                lines += [[], *self._plot(block, width, height_of_one, times)]
            lines = lines[1:]
        else:
            lines = self._side_by_side(blocks, width, room, times)
        return [*lines, *([[]] if notes else []), *notes]

    def _side_by_side(
        self, blocks: Sequence[Block], width: int, height: int, times: tuple[float, float]
    ) -> list[list[Piece]]:
        each = (width - 2 * (len(blocks) - 1)) // len(blocks)
        ground = self.palette.text
        columns = [self._plot(block, each, min(_MOST_HEIGHT, height), times) for block in blocks]
        lines: list[list[Piece]] = []
        for parts in zip(*columns, strict=True):
            line: list[Piece] = []
            for number, part in enumerate(parts):
                strip = strip_of(part, each, ground)
                line += [(" " * 2, ground)] if number else []
                line += [(segment.text, segment.style or ground) for segment in strip]
            lines.append(line)
        return lines

    def _plot(
        self, block: Block, width: int, height: int, times: tuple[float, float]
    ) -> list[list[Piece]]:
        """A title, the canvas with its scale, an axis, and the times."""
        from jobshape.widgets.plot_canvas import draw

        palette, glyphs = self.palette, self._glyphs
        if height < 4:
            return [self._title(block, width)][:height]
        rows, columns = height - 3, width - _LABEL_WIDTH - 2
        fine = not glyphs.is_ascii
        top = fitting_top(block, rows, fine=fine)
        curves = [(curve, _curve_sign(role, glyphs)) for curve, role in block.curves]
        cells = draw(columns, rows, curves, times, top)
        roles = [role for _, role in block.curves]
        labels = labels_of(block, top, rows, fine=fine)
        bar, corner, line = ("|", "+", "-") if glyphs.is_ascii else ("│", "└", "─")
        lines = [self._title(block, width)]
        for row, (text, level) in enumerate(zip(cells.text, cells.curve, strict=True)):
            label, kind = labels.get(row, ("", ""))
            style = _line_style(kind, palette)
            pieces: list[Piece] = [(fit(label, _LABEL_WIDTH, glyphs, "right"), style),
                                   (bar, palette.faint)]  # fmt: skip
            filler = _line_sign(kind, glyphs) if kind in ("limit", "warning") else " "
            for sign, number in zip(text, level, strict=True):
                if number < 0:
                    pieces.append((filler, style))
                else:
                    pieces.append((sign, _curve_style(roles[number], block, palette)))
            lines.append(pieces)
        lines.append([(" " * _LABEL_WIDTH, palette.text), (corner + line * columns, palette.faint)])
        lines.append([(" " * (_LABEL_WIDTH + 1), palette.text),
                      (_time_labels(times, columns), palette.muted)])  # fmt: skip
        return lines

    def _title(self, block: Block, width: int) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        title = f" {block.title} "
        room = width - width_of(title)
        parts = [clean(part, glyphs) for part in block.figures]
        while len(parts) > 1 and width_of(", ".join(parts)) > room:
            parts.pop()
        text = fit(", ".join(parts), room, glyphs)
        return [(title, palette.group), (text, palette.warning if block.is_high else palette.text)]


# ---------------------------------------------------------------------- what is plotted


def blocks_of(content: PlotContent) -> list[Block]:
    """The plots for which there are figures."""
    job, samples = content.job, content.samples
    found = [_memory(job, samples), _cpus(job, samples)]
    if job.gpus or any(one.gpu_percent is not None for one in samples):
        found.append(_gpus(job, samples))
    return [block for block in found if block is not None]


def _memory(job: Job, samples: Sequence[Usage]) -> Block | None:
    curve = figures.memory_curve(samples)
    now, most = figures.latest(curve), figures.highest(curve)
    if now is None or most is None:
        return None
    limit = job.memory_bytes
    words = [format_size(round(now))]
    if limit:
        words[0] += f" of {format_size(limit)} ({100 * now / limit:.0f} %)"
    words.append(f"at most {format_size(round(most))}")
    peaks = [one.memory_peak_bytes for one in samples if one.memory_peak_bytes is not None]
    if peaks and (job.tasks or 1) > 1:
        words.append(f"largest task {format_size(max(peaks))}")
    top = max(most, limit or 0) or 1
    lines: tuple[Line, ...] = ()
    if limit:
        lines = (Line(limit, "limit", "limit"), Line(WARN_SHARE * limit, "95 %", "warning"))
    scale: tuple[tuple[float, str], ...] = ((0.0, "0"), (top / 2, format_size(round(top / 2))))
    if not limit:
        scale = (*scale, (top, format_size(round(top))))
    is_high = bool(limit) and now >= WARN_SHARE * (limit or 0)
    return Block("Memory", tuple(words), ((curve, "first"),), top, scale, lines, is_high)


def _cpus(job: Job, samples: Sequence[Usage]) -> Block | None:
    curve = figures.cpu_curve(samples, job.cpus, job.start_time)
    now, mean, most = figures.latest(curve), figures.mean(curve), figures.highest(curve)
    if now is None or mean is None or most is None:
        return None
    cpus = "1 CPU" if job.cpus == 1 else f"{job.cpus} CPUs"
    text = (f"{now:.0f} % of {cpus}", f"mean {mean:.0f} %", f"at most {most:.0f} %")
    top = max(100.0, most)
    return Block("CPU", text, ((curve, "first"),), top, _percents(top))


def _gpus(job: Job, samples: Sequence[Usage]) -> Block | None:
    curve, memory = figures.gpu_curve(samples), figures.gpu_memory_curve(samples)
    now, held = figures.latest(curve), figures.latest(memory)
    if now is None and held is None:
        return None
    gpus = "the GPU" if job.gpus == 1 else f"{job.gpus} GPUs" if job.gpus else "its GPUs"
    words = []
    if now is not None:
        words.append(f"{now:.0f} % of {gpus}")
    if held is not None:
        used, total = samples[-1].gpu_memory_bytes, samples[-1].gpu_memory_total_bytes
        words.append(f"{_MEMORY_SIGN} memory {format_size(used)} of {format_size(total)}")
        words.append(f"{held:.0f} %")
    top = max(100.0, figures.highest(curve) or 0.0)
    return Block("GPU", tuple(words), ((memory, "second"), (curve, "first")), top,
                 _percents(top))  # fmt: skip


def _percents(top: float) -> tuple[tuple[float, str], ...]:
    return ((0.0, "0 %"), (50.0, "50 %"), (100.0, "100 %")) if top < 200 else (
        (0.0, "0 %"), (100.0, "100 %"), (top, f"{top:.0f} %"))  # fmt: skip


def words_of(content: PlotContent) -> list[str]:
    """What is not plotted, and why."""
    job, samples = content.job, content.samples
    phase = phase_of(job.state)
    if not samples:
        if phase is Phase.WAITING:
            return [" Memory, CPU and GPUs are plotted once it runs."]
        if phase is not Phase.RUNNING:
            return [" No figures over time are kept of this job: they are taken while it runs and"
                    " somebody looks at it. What it used in all stands in the detail."]  # fmt: skip
        if content.usage is not None and not content.usage.available:
            return [f" No figures: {_reason(content.usage)}"]
        return [" No figures yet: the first ones come within a minute."]
    words = []
    if job.gpus and _gpus(job, samples) is None:
        feature = content.gpu_usage
        nobody = "nobody gave any yet" if phase is Phase.RUNNING else "none were kept"
        why = nobody if feature is None or feature.available else _reason(feature)
        words.append(f" no GPU figures: {why}")
    return words


def _reason(feature: Feature) -> str:
    return "; ".join(filter(None, (feature.detail, feature.hint)))


# ---------------------------------------------------------------------- scale and times


_ROOM_ABOVE = tuple(1 + step / 100 for step in range(46))


def fitting_top(block: Block, rows: int, *, fine: bool) -> float:
    """The value of the upper edge at which each level has a row of its own, if one is near."""
    from jobshape.widgets.plot_canvas import row_of

    values = [line.value for line in block.lines]
    for factor in _ROOM_ABOVE:
        top = block.top * factor
        if len({row_of(value, top, rows, fine=fine) for value in values}) == len(values):
            return top
    return block.top


def labels_of(block: Block, top: float, rows: int, *, fine: bool) -> dict[int, tuple[str, str]]:
    """Row -> its label and kind; a level takes the place of a figure, the limit that of all."""
    from jobshape.widgets.plot_canvas import row_of

    labels = {row_of(value, top, rows, fine=fine): (text, "") for value, text in block.scale}
    for line in sorted(block.lines, key=lambda line: line.kind == "limit"):
        labels[row_of(line.value, top, rows, fine=fine)] = (line.label, line.kind)
    return labels


def _line_sign(kind: str, glyphs: Glyphs) -> str:
    if glyphs.is_ascii:
        return "=" if kind == "limit" else "-"
    return "━" if kind == "limit" else "╌"


def _line_style(kind: str, palette: Palette) -> Style:
    return {"limit": palette.failed, "warning": palette.waiting}.get(kind, palette.muted)


def _curve_sign(role: str, glyphs: Glyphs) -> str:
    """Two curves of one plot differ by more than their colour; "" for fine dots."""
    if role == "second":
        return plain(_MEMORY_SIGN) if glyphs.is_ascii else _MEMORY_SIGN
    return "*" if glyphs.is_ascii else ""


def _curve_style(role: str, block: Block, palette: Palette) -> Style:
    if role == "second":
        return palette.accent
    return palette.warning if block.is_high else palette.bar


def _time_labels(times: tuple[float, float], width: int) -> str:
    """Clock times at the left end, in the middle and at the right end, as there is room."""
    first, last = times
    form = "%H:%M:%S" if last - first < 600 else "%H:%M" if last - first < 72_000 else "%m-%d %H:%M"
    left, right = (datetime.fromtimestamp(at).strftime(form) for at in times)
    middle = datetime.fromtimestamp((first + last) / 2).strftime(form)
    text = left + " " * max(1, width - len(left) - len(right)) + right
    at = (width - len(middle)) // 2
    if at > len(left) + 1 and at + len(middle) + 1 < width - len(right):
        text = text[:at] + middle + text[at + len(middle) :]
    return text[:width]


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(20, width), initial_indent="", subsequent_indent=" ",
                         drop_whitespace=True) or [""]  # fmt: skip
