"""The figures of a stage in words: for the lines below its row and for the panel."""

from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.spans import pace_words, span_words
from jobshape.app.domain.stage import Eta, ShapeAsked, Spread, StageSummary
from jobshape.app.domain.units import format_duration, format_short_duration, format_size


def shape_words(shape: ShapeAsked | None) -> str:
    """What is asked for: ``8 CPUs, 64G, 1 GPU, 1 node, 1-00:00:00 on gpu``."""
    if shape is None:
        return "-"
    parts = []
    if shape.cpus is not None:
        parts.append(_plural(shape.cpus, "CPU"))
    if shape.memory_bytes is not None:
        parts.append(format_size(shape.memory_bytes))
    if shape.gpus:
        parts.append(_plural(shape.gpus, "GPU"))
    if shape.nodes is not None:
        parts.append(_plural(shape.nodes, "node"))
    if shape.time_limit_s is not None:
        limit = shape.time_limit_s
        parts.append("no time limit" if limit == UNLIMITED else format_duration(limit))
    where = f" on {shape.partition}" if shape.partition else ""
    return f"{', '.join(parts) or '-'}{where}"


def share_words(one: StageSummary) -> str:
    """How common the shape is; "" where all ask for it, or for one."""
    if one.shape_share is None or one.shape_share > 0.999:
        return ""
    return f"{100 * one.shape_share:.0f} % of them, the others something else"


def sizes(figures: Spread) -> str:
    """Median, 95 % and most of sizes: ``30G, 41G, 60G``."""
    return ", ".join(format_size(round(f)) for f in (figures.p50, figures.p95, figures.most))


def spans(figures: Spread) -> str:
    """Median, 95 % and most of durations."""
    return ", ".join(
        format_short_duration(round(f)) for f in (figures.p50, figures.p95, figures.most)
    )


def class_words(one: StageSummary) -> str:
    """Failures by class: ``oom host 4, timeout 2``."""
    return ", ".join(f"{label.replace('_', ' ')} {count}" for label, count in one.failures)


def failure_words(one: StageSummary) -> str:
    """The failure rate and its classes."""
    rate = one.failure_rate
    if rate is None:
        return "-"
    if not one.failed_runs:
        return f"none of {_plural(one.attempts, 'run')}"
    return f"{100 * rate:.0f} % of {_plural(one.attempts, 'run')}: {class_words(one)}"


def eta_words(eta: Eta | None) -> str:
    """``about 3 h 20 min (2 h to 5 h)``."""
    if eta is None:
        return "-"
    low, high = span_words(eta.low_s), span_words(eta.high_s)
    interval = f" ({low} to {high})" if low != high else ""
    return f"about {span_words(eta.mid_s)}{interval}"


def count_words(one: StageSummary) -> str:
    """Its jobs by phase."""
    counts = one.counts
    more = " or more" if one.counts_capped else ""
    held = f" ({counts.held:,} stuck)" if counts.held else ""
    cancelled = f", {counts.cancelled:,} cancelled" if counts.cancelled else ""
    return (
        f"{counts.waiting:,} waiting{held}, {counts.running:,} running, {counts.done:,}{more} "
        f"done, {counts.failed:,} failed{cancelled}"
    )


def pace_sentence(one: StageSummary) -> str:
    """Jobs done an hour."""
    if one.pace_per_hour is None:
        return "-"
    return f"{pace_words(one.pace_per_hour)} done an hour while there was something to do"


def memory_words(one: StageSummary) -> str:
    """Memory used against asked, and how far to trust it."""
    if one.memory is None:
        return "-"
    asked = one.shape.node_memory_bytes if one.shape else None
    share = one.memory_share
    words = f"median, 95 %, most: {sizes(one.memory)}"
    if asked and share is not None:
        words += f"; {100 * share:.0f} % of the {format_size(asked)} asked"
        words += " on a node" if one.shape and (one.shape.nodes or 1) > 1 else ""
    if one.memory_at_limit:
        runs = _plural(one.memory_at_limit, "run")
        words += f"; {runs} out of memory counted as the limit, at least"
    if one.several_tasks:
        words += "; of the largest task, not of all"
    return words


def elapsed_words(one: StageSummary) -> str:
    """Walltime used against asked."""
    if one.elapsed is None:
        return "-"
    words = f"median, 95 %, most: {spans(one.elapsed)}"
    if one.limit_share is not None and one.shape is not None:
        limit = format_short_duration(one.shape.time_limit_s)
        words += f"; {100 * one.limit_share:.0f} % of the limit {limit}"
    if one.elapsed_at_limit:
        words += f"; {_plural(one.elapsed_at_limit, 'run')} ended by the limit"
    return words


def wait_words(one: StageSummary) -> str:
    """How long its jobs waited, and wait now."""
    words = "-" if one.wait is None else f"median, 95 %, most: {spans(one.wait)}"
    if one.waiting_longest_s is not None:
        words += f"; the longest now: {format_short_duration(one.waiting_longest_s)}"
    return words


def cpu_words(one: StageSummary) -> str:
    """CPU time used of CPU time held."""
    if one.cpu_efficiency is None:
        return "-"
    return f"{100 * one.cpu_efficiency:.0f} % of the CPU time held"


def gpu_words(one: StageSummary) -> str:
    """GPU utilisation."""
    if one.gpu_percent is not None:
        return f"{one.gpu_percent:.0f} % busy on average"
    return "-  (nobody measured it)" if one.shape and one.shape.gpus else "-"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
