"""Plots as SVG, drawn by hand: no script, no font and no file of others.

Colours stand as attributes, for a viewer of the SVG alone; the page's style overrules them by
class, so that they follow light and dark.
"""

from collections.abc import Iterator, Mapping
from html import escape

from jobshape.app.domain.spans import span_words
from jobshape.app.domain.units import format_size
from jobshape.app.reports.markdown import clip
from jobshape.app.reports.parts import Bar, MemoryPlot, MemoryUse, TimePlot
from jobshape.app.text_table import cells

COLOURS: Mapping[str, tuple[str, str]] = {
    "ground": ("#ffffff", "#14171c"),
    "ink": ("#1c2128", "#e3e7ec"),
    "quiet": ("#5c6570", "#98a2ae"),
    "line": ("#d5dae0", "#343b45"),
    "wait": ("#aeb7c2", "#5f6b79"),
    "run": ("#2f6fb7", "#5b9be0"),
    "lost": ("#d1661b", "#ee8b45"),
    "used": ("#2a8a6a", "#4fbf99"),
}
"""Name -> for light, for dark. Told apart with every kind of colour blindness, and by hatching."""

WIDTH, LABEL_WIDTH, RIGHT_ROOM = 960, 230, 190
ROW, BAR = 20, 12
LONGEST_LABEL = 32
_PARTS = (("wait", "wait"), ("run", "run"), ("lost", "lost in retries"))
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600,
            43_200, 86_400)  # fmt: skip


def time_plot(plot: TimePlot) -> str:
    """Bars of wait, run and retries by trial, under the heading of their round."""
    totals = [sum(bar.parts) for group in plot.groups for bar in group.bars]
    most = max([*totals, plot.baseline_s or 0, 1.0])
    step = _time_step(most)
    scale = (WIDTH - LABEL_WIDTH - RIGHT_ROOM) / most
    height = 52 + sum(ROW * (len(group.bars) + 1) + 6 for group in plot.groups)
    lines = [*_start(height, "Total wall-clock by trial"), *_hatch(), *_legend_of_times(plot)]
    lines += _ticks({span_words(at): at * scale for at in _multiples(step, most)}, height)
    y = 46
    for group in plot.groups:
        lines.append(_label(4, y + 12, group.title, "ink", weight=True))
        y += ROW
        for bar in group.bars:
            lines += _bar(bar, y, scale)
            y += ROW
        y += 6
    if plot.baseline_s is not None:
        x = LABEL_WIDTH + plot.baseline_s * scale
        lines.append(_line(x, 40, x, height - 6, "ink", dash="5 4"))
    return "\n".join((*lines, "</svg>"))


def _bar(bar: Bar, y: float, scale: float) -> Iterator[str]:
    times = ", ".join(f"{words} {span_words(part)}"
                      for (_, words), part in zip(_PARTS, bar.parts, strict=True))  # fmt: skip
    yield f"<g><title>{_text(bar.label)}: {times}</title>"
    yield _label(LABEL_WIDTH - 8, y + 12, _short(bar.label), "ink", anchor="end")
    x = float(LABEL_WIDTH)
    for (name, _), part in zip(_PARTS, bar.parts, strict=True):
        if part > 0:
            yield _box(x, y + 2, part * scale, BAR, name)
            if name == "lost":
                yield _box(x, y + 2, part * scale, BAR, "", fill="url(#hatch)")
            x += part * scale
    yield _label(x + 6, y + 12, span_words(sum(bar.parts)), "quiet")
    yield "</g>"


def _legend_of_times(plot: TimePlot) -> Iterator[str]:
    x = float(LABEL_WIDTH)
    for name, words in _PARTS:
        yield _box(x, 8, 14, BAR, name)
        if name == "lost":
            yield _box(x, 8, 14, BAR, "", fill="url(#hatch)")
        yield _label(x + 20, 18, words, "ink")
        x += 40 + 8 * len(words)
    if plot.baseline_s is not None:
        yield _line(x, 14, x + 18, 14, "ink", dash="5 4")
        yield _label(x + 24, 18, f"baseline, {span_words(plot.baseline_s)}", "ink")


def memory_plot(plot: MemoryPlot) -> str:
    """For each stage a frame as wide as what was asked; in it what was used."""
    most = max(max(one.asked, one.most) for one in plot.stages)
    scale = (WIDTH - LABEL_WIDTH - RIGHT_ROOM) / most
    height = 52 + 30 * len(plot.stages)
    lines = [*_start(height, "Memory used against memory asked, by stage")]
    lines += [
        _frame(LABEL_WIDTH, 8, 14, BAR), _label(LABEL_WIDTH + 20, 18, "asked", "ink"),
        _box(LABEL_WIDTH + 80, 8, 14, BAR, "used"),
        _label(LABEL_WIDTH + 100, 18, "95 % of runs used less", "ink"),
        _line(LABEL_WIDTH + 270, 7, LABEL_WIDTH + 270, 21, "ink"),
        _label(LABEL_WIDTH + 276, 18, "median", "ink"),
        _line(LABEL_WIDTH + 350, 14, LABEL_WIDTH + 366, 14, "used"),
        _label(LABEL_WIDTH + 372, 18, "up to the largest", "ink"),
    ]  # fmt: skip
    lines += _ticks({format_size(round(at)): at * scale for at in _size_ticks(most)}, height)
    for number, one in enumerate(plot.stages):
        lines += _memory_row(one, 50 + 30 * number, scale)
    return "\n".join((*lines, "</svg>"))


def _memory_row(one: MemoryUse, y: float, scale: float) -> Iterator[str]:
    used, asked = format_size(round(one.p95)), format_size(round(one.asked))
    killed = f", {one.out_of_memory} out of memory" if one.out_of_memory else ""
    yield f"<g><title>{_text(one.stage)}: 95 % under {used} of {asked}{killed}</title>"
    yield _label(LABEL_WIDTH - 8, y + 12, _short(one.stage), "ink", anchor="end")
    yield _box(LABEL_WIDTH, y + 2, one.p95 * scale, BAR, "used")
    if one.most > one.p95:
        yield _line(LABEL_WIDTH + one.p95 * scale, y + 8, LABEL_WIDTH + one.most * scale, y + 8,
                    "used")  # fmt: skip
    middle = LABEL_WIDTH + one.p50 * scale
    yield _line(middle, y, middle, y + BAR + 4, "ink")
    yield _frame(LABEL_WIDTH, y + 2, one.asked * scale, BAR)
    x = LABEL_WIDTH + max(one.asked, one.most) * scale + 6
    yield _label(x, y + 12, f"{used} of {asked}{killed}", "quiet")
    yield "</g>"


def _time_step(most: float) -> float:
    wanted = most / 5
    return next((step for step in _STEPS_S if step >= wanted), 86_400 * (wanted // 86_400 + 1))


def _multiples(step: float, most: float) -> list[float]:
    return [step * at for at in range(1, int(most / step) + 1)]


def _size_ticks(most: float) -> list[float]:
    step = 1024.0
    while most / step > 6:
        step *= 2
    return _multiples(step, most)


def _ticks(at: Mapping[str, float], height: int) -> Iterator[str]:
    for words, x in at.items():
        yield _line(LABEL_WIDTH + x, 40, LABEL_WIDTH + x, height - 6, "line")
        yield _label(LABEL_WIDTH + x, 36, words, "quiet", anchor="middle")
    yield _line(LABEL_WIDTH, 40, LABEL_WIDTH, height - 6, "quiet")


def _start(height: int, title: str) -> Iterator[str]:
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}" role="img" font-family="system-ui, sans-serif" '
           f'font-size="12">')  # fmt: skip
    yield f"<title>{_text(title)}</title>"


def _hatch() -> Iterator[str]:
    yield ('<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" '
           'patternTransform="rotate(45)"><path class="stroke-ground" d="M0 0V5" '
           f'stroke="{COLOURS["ground"][0]}" stroke-width="2"/></pattern></defs>')  # fmt: skip


def _text(text: str) -> str:
    return escape(clip(text, 200))


def _short(text: str) -> str:
    """As much of a label as there is room for; its end tells jobs of a grid apart."""
    text = clip(text, 200)
    if cells(text) <= LONGEST_LABEL:
        return text
    while cells(text) > LONGEST_LABEL - 1:
        text = text[1:]
    return f"…{text}"


def _label(
    x: float, y: float, text: str, colour: str, *, anchor: str = "start", weight: bool = False
) -> str:
    bold = ' font-weight="600"' if weight else ""
    return (f'<text class="fill-{colour}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{bold} '
            f'fill="{COLOURS[colour][0]}">{_text(text)}</text>')  # fmt: skip


def _box(x: float, y: float, width: float, height: float, colour: str, *, fill: str = "") -> str:
    painted = f'fill="{fill}"' if fill else f'class="fill-{colour}" fill="{COLOURS[colour][0]}"'
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" '
            f"{painted}/>")  # fmt: skip


def _frame(x: float, y: float, width: float, height: float) -> str:
    return (f'<rect class="stroke-ink" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" fill="none" stroke="{COLOURS["ink"][0]}"/>')  # fmt: skip


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, *, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line class="stroke-{colour}" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" '
            f'y2="{to_y:.1f}" stroke="{COLOURS[colour][0]}"{dashed}/>')  # fmt: skip
