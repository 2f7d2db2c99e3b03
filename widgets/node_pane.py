"""Everything known of one node: state and reason in words, what is taken, who runs, who fits."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jobshape.app.board.figures import elapsed_s, left_s
from jobshape.app.board.fragments import NOT_CHECKED, Shape, fit_on, free_of
from jobshape.app.board.node_words import PROBLEMS, standing_of, state_words
from jobshape.app.domain.job import Job
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.units import format_short_duration, format_size
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.node_cells import Measure, role_of, share_of, style_of
from jobshape.widgets.node_heading import ROLES, amounts
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import bar, clean, fit, width_of
from rich.style import Style

_LABEL_WIDTH = 12
_BAR_WIDTH = 14
MOST_JOBS = 200
"""Jobs of a node that are listed; the rest is counted."""


class NodeContent(NamedTuple):
    """What the pane shows."""

    node: Node
    jobs: tuple[Job, ...]  # that hold it, mine first
    my_jobs: frozenset[int]
    shapes: tuple[tuple[Shape, tuple[Job, ...]], ...]  # my pending jobs, alike ones together
    with_cache: bool  # whether memory in use counts the file cache
    everybody: bool  # whether all jobs of the site are read, or only some


class NodePane(ScrolledLines, can_focus=True):
    """The node under the cursor."""

    DEFAULT_CSS = "NodePane { width: 1fr; height: 1fr; }"

    def __init__(
        self, partitions: Mapping[str, Partition], glyphs: Glyphs, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.partitions = partitions
        self._glyphs = glyphs
        self._now = 0.0
        self.content: NodeContent | None = None

    def show(self, content: NodeContent | None, now: float) -> None:
        """Show this; another node starts at the top."""
        old, self.content = self.content, content
        same = old is not None and content is not None and old.node.name == content.node.name
        if old != content or int(now) - int(self._now) >= 60:
            self._now = now
            self.rebuild(to_top=not same)

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """Head, what its state means, what is taken, who fits, who runs."""
        content = self.content
        if content is None:
            return [[("  no node under the cursor", self.palette.muted)]]
        lines = [*self._head(content.node, width), []]
        lines += self._resources(content.node, width, with_cache=content.with_cache)
        lines += [[], *self._about(content.node, width)]
        lines += [[], *self._fitting(content, width)]
        lines += [[], *self._jobs_here(content, width)]
        return lines

    def _head(self, node: Node, width: int) -> list[list[Piece]]:
        palette, glyphs = self.palette, self._glyphs
        standing = standing_of(node)
        style = style_of(ROLES.get(standing, "muted"), palette)
        lines: list[list[Piece]] = [[
            (f" {clean(node.name, glyphs)} ", palette.strong),
            (f" {standing.value}", style),
            (f"  {clean(node.state, glyphs)}", palette.muted),
        ]]  # fmt: skip
        lines += self._wrapped(state_words(node.state).sentence, width, palette.text)
        if node.reason:
            style = palette.warning if standing in PROBLEMS else palette.text
            since = ""
            if node.reason_since is not None:
                ago = max(0, int(self._now) - node.reason_since)
                since = f" (set {format_short_duration(ago)} ago)"
            lines += self._wrapped(f"Slurm's reason: {node.reason}{since}", width, style)
        elif standing in PROBLEMS:
            lines += self._wrapped("Slurm gives no reason.", width, palette.muted)
        return lines

    def _resources(self, node: Node, width: int, *, with_cache: bool) -> list[list[Piece]]:
        size = format_size
        free = free_of(node)
        lines = [[(" Allocated to jobs", self.palette.group)]]
        lines.append(self._share(
            "CPUs", share_of(node, Measure("cpu")),
            f"{_n(node.cpus_allocated)} of {_n(node.cpus)}, {_n(free.cpus)} free", width,
        ))  # fmt: skip
        lines.append(self._share(
            "memory", share_of(node, Measure("memory")),
            f"{size(node.memory_allocated_bytes)} of {size(node.memory_bytes)}, "
            f"{size(free.memory_bytes)} free", width,
        ))  # fmt: skip
        if node.gpus:
            types = f" ({node.gpu_types})" if node.gpu_types else ""
            lines.append(self._share(
                "GPUs", share_of(node, Measure("gpu")),
                f"{_n(node.gpus_allocated)} of {node.gpus}{types}, {free.gpus} free", width,
            ))  # fmt: skip
        if free.gpus and node.usable and (free.cpus == 0 or free.memory_bytes == 0):
            what = "CPU" if free.cpus == 0 else "memory"
            gpus = f"{free.gpus} free GPU{'' if free.gpus == 1 else 's'}"
            lines += self._wrapped(
                f"{gpus} stranded: no {what} is free beside them.", width, self.palette.warning
            )
        lines += [[], [(" In use, says its operating system", self.palette.group)]]
        load = "-" if node.cpu_load is None else f"load {node.cpu_load:.1f} on {_n(node.cpus)} CPUs"
        lines.append(self._share("CPUs", share_of(node, Measure("cpu", used=True)), load, width))
        used = share_of(node, Measure("memory", used=True))
        total, left = node.memory_bytes, node.memory_free_bytes
        taken = None if total is None or left is None else max(0, total - left)
        said = "-" if taken is None else f"{size(taken)} of {size(total)}"
        if taken is not None and with_cache:
            said += " with file cache"
        lines.append(self._share("memory", used, said, width))
        return lines

    def _share(self, title: str, share: float | None, text: str, width: int) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        pieces: list[Piece] = [(f"  {title:<{_LABEL_WIDTH - 4}}", palette.muted)]
        bar_width = _BAR_WIDTH if width >= 50 else _BAR_WIDTH // 2
        if share is not None:
            filled, empty = bar(share, bar_width, glyphs)
            pieces += [(filled, style_of(role_of(share), palette)), (f"{empty} ", palette.faint)]
        else:
            pieces.append((" " * (bar_width + 1), palette.text))
        room = max(8, width - bar_width - _LABEL_WIDTH)
        return [*pieces, (fit(clean(text, glyphs), room, glyphs).rstrip(), palette.text)]

    def _about(self, node: Node, width: int) -> list[list[Piece]]:
        lines = []
        for title, value in (("partitions", ", ".join(node.partitions)),
                             ("features", node.features.replace(",", ", "))):  # fmt: skip
            text = clean(value or "-", self._glyphs)
            parts = textwrap.wrap(text, max(12, width - _LABEL_WIDTH - 3)) or ["-"]
            for place, part in enumerate(parts):
                label = title if place == 0 else ""
                lines.append([(f"  {label:<{_LABEL_WIDTH}}", self.palette.muted),
                              (part, self.palette.text)])  # fmt: skip
        return lines

    def _fitting(self, content: NodeContent, width: int) -> list[list[Piece]]:
        """My pending jobs that would fit on this node now; of the others how many and why not."""
        palette, node = self.palette, content.node
        lines: list[list[Piece]] = [[(" My pending jobs that fit here now", palette.group)]]
        if not content.shapes:
            return [*lines, [("  you have no pending jobs", palette.muted)]]
        others: dict[str, int] = {}
        fitting = 0
        for shape, jobs in content.shapes:
            fit_here = fit_on(shape, node, self.partitions)
            if not fit_here.fits:
                reason = fit_here.misses[0]
                others[reason] = others.get(reason, 0) + len(jobs)
                continue
            fitting += 1
            doubts = (*shape.doubts, *fit_here.doubts)
            lines.append(self._job_line(jobs[0], len(jobs), shape_words(shape), width))
            if doubts:
                lines += self._wrapped("  if: " + "; ".join(doubts), width, palette.muted)
        if not fitting:
            lines.append([("  none", palette.muted)])
        for reason, count in sorted(others.items(), key=lambda item: -item[1])[:4]:
            lines += self._wrapped(
                f"{count:,} do{'es' if count == 1 else ''} not: {reason}", width, palette.muted
            )
        return [*lines, *self._wrapped(NOT_CHECKED, width, palette.muted)]

    def _job_line(self, job: Job, count: int, words: str, width: int) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        label = clean(job.label, glyphs) + (f" and {count - 1} more" if count > 1 else "")
        room = max(6, width - width_of(label) - width_of(words) - 6)
        return [
            (f"  {label} ", palette.waiting), (fit(clean(job.name, glyphs), room, glyphs),
            palette.text), (f" {clean(words, glyphs)}", palette.muted),
        ]  # fmt: skip

    def _jobs_here(self, content: NodeContent, width: int) -> list[list[Piece]]:
        palette, glyphs, jobs = self.palette, self._glyphs, content.jobs
        mine = sum(job.job_id in content.my_jobs for job in jobs)
        said = f" Jobs here: {len(jobs):,}"
        if jobs:
            said += f", {mine:,} of them mine"
        lines: list[list[Piece]] = [[(said, palette.group)]]
        for job in jobs[:MOST_JOBS]:
            is_mine = job.job_id in content.my_jobs
            elapsed = format_short_duration(elapsed_s(job, self._now))
            left = left_s(job, self._now)
            times = elapsed if left is None else f"{elapsed}, {format_short_duration(left)} left"
            if (job.nodes or 1) > 1:
                times = f"{job.nodes} nodes  {times}"
            words = f"{amounts(job.cpus, job.memory_bytes, job.gpus or 0)}  {times}"
            mark = glyphs.mark if is_mine else " "
            whose = "" if is_mine else f" {clean(job.user, glyphs)}"
            label = f"{clean(job.label, glyphs)}{whose} "
            words = clean(words if width - len(words) - width_of(label) > 14 else times, glyphs)
            room = width - width_of(label) - width_of(words) - 5
            name = fit(clean(job.name, glyphs), room, glyphs) if room >= 8 else ""
            lines.append([
                (f" {mark}", palette.marked), (label, palette.running if is_mine else palette.text),
                (name, palette.text), (f" {words}", palette.muted),
            ])  # fmt: skip
        if len(jobs) > MOST_JOBS:
            lines.append([(f"  and {len(jobs) - MOST_JOBS:,} more", palette.muted)])
        if not content.everybody:
            said = "Only the jobs that the queue shows are known here (a there: everybody's)."
            lines += self._wrapped(said, width, palette.muted)
        return lines

    def _wrapped(self, text: str, width: int, style: Style) -> list[list[Piece]]:
        room = max(16, width - 3)
        indent = len(text) - len(text.lstrip())
        parts = textwrap.wrap(clean(text.strip(), self._glyphs), room - indent)
        return [[("  " + " " * indent + part, style)] for part in parts]


def shape_words(shape: Shape) -> str:
    """What a job asks for on each node."""
    words = amounts(shape.cpus, shape.memory_bytes, shape.gpus or 0)
    return f"{shape.nodes} nodes of {words}" if shape.nodes > 1 else words


def _n(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
