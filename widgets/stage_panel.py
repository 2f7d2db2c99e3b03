"""Everything known of one stage in words, and how its memory and run times spread."""

import textwrap
import time
from collections.abc import Callable, Sequence

from jobshape.app.domain.job import UNASSIGNED, UNLIMITED
from jobshape.app.domain.stage import Spread, StagesPicture, StageSummary
from jobshape.app.domain.units import format_short_duration, format_size
from jobshape.widgets import stage_words as words
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.stage_bars import PHASES, Histogram, histogram, limit_sign, signs_of
from jobshape.widgets.text import clean, width_of
from rich.style import Style
from textual import events

_LABEL_WIDTH = 13
SIDE_BY_SIDE_FROM = 110
"""From this width on the histograms stand beside the words."""

_SHORT, _TALLEST = 2, 14
"""Least and most lines of a histogram's columns."""

_LINES_BESIDE = 10
"""Lines of the two histograms that are not columns, and of the head."""


class StagePanel(ScrolledLines, can_focus=True):
    """The stage under the cursor."""

    DEFAULT_CSS = "StagePanel { width: 1fr; height: 1fr; }"

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._picture = StagesPicture()
        self._stage: StageSummary | None = None
        self._baseline = ""

    def show(self, picture: StagesPicture, stage: StageSummary | None, baseline: str) -> None:
        """Show this stage; another one starts at the top. baseline: which runs count, in words."""
        same = stage is not None and self._stage is not None and stage.stage == self._stage.stage
        old = (self._stage, self._picture.bottleneck, self._baseline)
        self._picture, self._stage, self._baseline = picture, stage, baseline
        if old != (stage, picture.bottleneck, baseline):
            self.rebuild(to_top=not same)

    def ground_of(self, y: int) -> Style:
        """The head separates the panel from what is above it."""
        return self.palette.header if y == 0 else self.palette.text

    def on_resize(self, event: events.Resize) -> None:
        """Histograms use the height there is."""
        self.rebuild()

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """The head; the words, and beside or below them the histograms."""
        one = self._stage
        if one is None:
            return []
        if width < SIDE_BY_SIDE_FROM:
            return [*self._head(one, width), *self._fields(one, width), [],
                    *self._histograms(one, min(width, 76), _SHORT)]  # fmt: skip
        right = min(72, width // 2 - 2)
        left = min(110, width - right - 3)
        tall = max(_SHORT, min(_TALLEST, (self.size.height - _LINES_BESIDE) // 2))
        beside = self._histograms(one, right, tall)
        lines = self._fields(one, left)
        count = max(len(lines), len(beside))
        lines += [[]] * (count - len(lines))
        beside += [[]] * (count - len(beside))
        pairs = zip(lines, beside, strict=True)
        return [*self._head(one, width), *(self._beside(a, b, left) for a, b in pairs)]

    def _beside(self, line: list[Piece], other: list[Piece], left: int) -> list[Piece]:
        used = sum(width_of(text) for text, _ in line)
        return [*line, (" " * max(1, left - used + 2), self.palette.text), *other]

    def _head(self, one: StageSummary, width: int) -> list[list[Piece]]:
        palette, worst = self.palette, self._picture.bottleneck
        line: list[Piece] = [(f" {clean(one.stage, self._glyphs)} ", palette.header_sorted)]
        lines = [line]
        if worst is not None and worst.stage == one.stage:
            line.append((" bottleneck ", palette.notice))
        if one.stage == UNASSIGNED:
            text = "Jobs that no rule claims. u lists them, with rules that would."
            lines += self._wrapped(text, width, palette.accent)
        return lines

    def _fields(self, one: StageSummary, width: int) -> list[list[Piece]]:
        if one.is_empty:
            text = f"no job of this stage among the {self._baseline}, and none in the queue"
            return self._field("jobs", text, width)
        asked = words.shape_words(one.shape)
        mixed = words.share_words(one)
        fields = (
            ("jobs", words.count_words(one)),
            ("to finish", words.eta_words(one.eta)),
            ("pace", words.pace_sentence(one)),
            ("asks", f"{asked}; {mixed}" if mixed else asked),
            ("memory", words.memory_words(one)),
            ("CPU", words.cpu_words(one)),
            ("GPU", words.gpu_words(one)),
            ("run time", words.elapsed_words(one)),
            ("wait", words.wait_words(one)),
            ("failures", words.failure_words(one)),
            ("retries", "-" if one.retries is None else f"{one.retries:,}"),
            ("from", self._source(one)),
        )
        return [line for label, text in fields for line in self._field(label, text, width)]

    def _source(self, one: StageSummary) -> str:
        if not one.runs:
            return f"no finished run among the {self._baseline}"
        since = ""
        if one.oldest_end is not None:
            since = time.strftime(", the oldest ended %d %b %H:%M", time.localtime(one.oldest_end))
        return f"{one.runs} of the {self._baseline}{since}"

    def _field(self, label: str, text: str, width: int) -> list[list[Piece]]:
        palette = self.palette
        room = max(16, width - _LABEL_WIDTH - 3)
        first, *rest = textwrap.wrap(clean(text, self._glyphs), room) or [""]
        lines: list[list[Piece]] = [
            [(f"  {label:<{_LABEL_WIDTH}}", palette.muted), (first, palette.text)]
        ]
        indent = " " * (_LABEL_WIDTH + 2)
        return lines + [[(indent + part, palette.text)] for part in rest]

    def _wrapped(self, text: str, width: int, style: Style) -> list[list[Piece]]:
        parts = textwrap.wrap(clean(text, self._glyphs), max(16, width - 3))
        return [[("  " + part, style)] for part in parts]

    # ------------------------------------------------------------------ histograms

    def _histograms(self, one: StageSummary, width: int, height: int) -> list[list[Piece]]:
        if one.is_empty:
            return []
        shape = one.shape
        limit = shape.time_limit_s if shape else None
        return [
            *self._legend(),
            [],
            *self._spread("memory", one.memory, shape.node_memory_bytes if shape else None,
                          format_size, width, height),
            [],
            *self._spread("run time", one.elapsed, None if limit == UNLIMITED else limit,
                          format_short_duration, width, height),
        ]  # fmt: skip

    def _legend(self) -> list[list[Piece]]:
        """What the signs of the bars mean."""
        palette, signs = self.palette, signs_of(self._glyphs)
        styles = (palette.done, palette.running, palette.waiting, palette.failed, palette.muted)
        pieces: list[Piece] = [("  ", palette.text)]
        for phase, style in zip(PHASES, styles, strict=True):
            pieces += [(signs[phase], style), (f" {phase}  ", palette.muted)]
        return [pieces]

    def _spread(
        self, title: str, figures: Spread | None, limit: int | None,
        show: Callable[[int], str], width: int,
        height: int,
    ) -> list[list[Piece]]:  # fmt: skip
        palette, glyphs = self.palette, self._glyphs
        if figures is None:
            return [[(f"  {title}: no figures", palette.muted)]]
        room = max(12, width - 4)
        made = histogram(figures.values, limit, room, height, glyphs)
        runs = "run" if figures.size == 1 else "runs"
        lines: list[list[Piece]] = [[(f"  {title}", palette.group),
                                     (f" of {figures.size} {runs}", palette.muted)]]  # fmt: skip
        for text in made.lines:
            lines.append([("  ", palette.text), *self._marked(text, made.limit_at)])
        lines.append([("  " + glyphs.bar_empty * room, palette.faint)])
        return [*lines, self._scale(made, None if limit is None else show(limit), show, room)]

    def _scale(
        self, made: Histogram, limit: str | None, show: Callable[[int], str], room: int
    ) -> list[Piece]:
        """Nothing at the left, the most at the right, the limit below its line."""
        palette, end = self.palette, show(round(made.top))
        if limit is None or made.limit_at is None:
            return [("  0", palette.muted), (end.rjust(room - 1), palette.muted)]
        sign = limit_sign(self._glyphs)
        right_of, left_of = f"{sign} asked {limit}", f"asked {limit} {sign}"
        if made.limit_at + len(right_of) + len(end) + 2 <= room:
            before, asked = made.limit_at, right_of
        else:
            before, asked = max(2, made.limit_at + 1 - len(left_of)), left_of
        rest = room - before - len(asked)
        end = end.rjust(rest) if rest > len(end) else ""
        return [("  0".ljust(before + 2), palette.muted), (asked, palette.warning),
                (end, palette.muted)]  # fmt: skip

    def _marked(self, text: str, limit_at: int | None) -> list[Piece]:
        """The columns, with the limit's line through them."""
        palette = self.palette
        if limit_at is None:
            return [(text, palette.bar)]
        return [
            (text[:limit_at], palette.bar), (limit_sign(self._glyphs), palette.warning),
            (text[limit_at + 1 :], palette.failed),
        ]  # fmt: skip
