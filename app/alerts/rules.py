"""The rules for jobs that run or wait: each looks at the facts of one job.

Levels: CRITICAL it is being lost now; HIGH it will be lost, or never starts, unless somebody acts;
MEDIUM it wastes what it holds, or may be stuck.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from statistics import median

from jobshape.app.alerts.facts import Facts
from jobshape.app.board.hostlist import holds_node
from jobshape.app.board.stuck import waiting_is_no_cure
from jobshape.app.board.words import reason_words
from jobshape.app.domain.alert import Alert
from jobshape.app.domain.finding import CRITICAL, HIGH, MEDIUM
from jobshape.app.domain.job import Job, Usage
from jobshape.app.domain.site import Node
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.units import format_short_duration, format_size

NOT_ENFORCED_SHARE = 1.1
"""A job that lives with more than this of its limit is not killed for it."""

GPU_IDLE_LOOKS = 4
TREND_SAMPLES = 4
TREND_SPAN_S = 45.0
TREND_REACH = 10.0
"""A trend is followed this many times as far as it was seen, no farther."""

TREND_SURE_S, TREND_STEADY_S, TREND_CLOSE_SHARE = 300.0, 90.0, 0.8
"""A trend seen for less than the first counts only if it was steady for the second, or this close
to the limit: memory grows while data loads, and then no more."""

TREND_STEADY_SHARE = 0.7
"""Of its slope a steady trend has at least so much in its last half."""

TREND_LEAST_GROWTH = 0.03
"""Of the limit, over the span seen: less is no trend."""

DAY_S = 86400
"""All jobs on a bad node share an alert; acknowledged, it comes again on another day."""

GPU_FRESH_S = 300.0
"""What was last heard of a GPU says nothing of now after this."""

OVER = frozenset({"COMPLETING", "STAGE_OUT", "UPDATE_DB"})
"""States of jobs that Slurm counts as running though their program has ended."""

RESTING = frozenset({"SUSPENDED", "STOPPED", "CONFIGURING", "POWER_UP_NODE"})
"""States in which a program neither writes nor computes, by somebody's will."""

MAY_PASS = frozenset({"PartitionNodeLimit", "PartitionInactive"})
"""Of these the ones that Slurm also gives while nodes or the partition are out for a time."""

_BAD_NODE = {"DOWN": CRITICAL, "FAIL": CRITICAL, "FAILING": CRITICAL, "NOT_RESPONDING": HIGH,
             "ERROR": HIGH}  # fmt: skip
_STARTING = ("POWERING_UP", "REBOOT")  # source: sinfo(1), NODE STATE CODES


def alerts_of(facts: Facts) -> Iterator[Alert]:
    """Everything that is wrong with the job now."""
    for rule in _rules_for(facts.job.state):
        alert = rule(facts)
        if alert is not None:
            yield alert


def _rules_for(state: str) -> Sequence[Callable[[Facts], Alert | None]]:
    phase = phase_of(state)
    if phase is Phase.WAITING:
        return _WAITING
    if phase is not Phase.RUNNING or state in OVER:
        return ()
    return (_node,) if state in RESTING else _RUNNING


# --- running jobs ----------------------------------------------------------------------------


def _memory(facts: Facts) -> Alert | None:
    limit = facts.job.memory_bytes
    usage = facts.usage[-1] if facts.usage else None
    if not limit or usage is None or usage.memory_bytes is None:
        return None
    share = usage.memory_bytes / limit
    if share > NOT_ENFORCED_SHARE:
        return _alert(
            facts, "memory", MEDIUM, f"memory at {100 * share:.0f} % of what it asked for",
            f"Its processes add up to {format_size(usage.memory_bytes)} of {format_size(limit)} and"
            " it lives: the site does not enforce the limit, or memory that they share counts"
            " twice.",
            "Ask for what it needs next time; where limits are enforced it would be killed.",
        )  # fmt: skip
    if share >= facts.lines.memory_share:
        return _alert(
            facts, "memory", CRITICAL, f"memory at {100 * share:.0f} % of its limit",
            f"It uses {format_size(usage.memory_bytes)} of {format_size(limit)}; over the limit"
            " it is killed.",
            "Memory of a running job cannot be raised: let it save its work now, and ask for more"
            " next time.",
        )  # fmt: skip
    return _memory_trend(facts, limit)


def _memory_trend(facts: Facts, limit: int) -> Alert | None:
    samples = [(u.at, u.memory_bytes) for u in facts.usage if u.memory_bytes is not None]
    recent = [s for s in samples if s[0] >= samples[-1][0] - 1800][-30:] if samples else []
    if len(recent) < TREND_SAMPLES or recent[-1][0] - recent[0][0] < TREND_SPAN_S:
        return None
    slope = slope_of(recent)
    span_s = recent[-1][0] - recent[0][0]
    if slope * span_s < TREND_LEAST_GROWTH * limit:
        return None
    is_close = recent[-1][1] >= TREND_CLOSE_SHARE * limit
    if span_s < TREND_SURE_S and not is_close and not _is_steady(recent, slope):
        return None
    over_at = recent[-1][0] + (limit - recent[-1][1]) / slope
    end = facts.job.end_time
    if over_at > recent[-1][0] + TREND_REACH * span_s or (end is not None and over_at >= end):
        return None
    if over_at <= facts.now:  # it lives on: nobody has asked for long, or the trend is over
        return None
    rate = format_size(int(slope * 60))
    return _alert(
        facts, "memory_trend", HIGH,
        f"memory will pass its limit in {_short(over_at - facts.now)}",
        f"It grew by {rate} a minute over the last {_short(span_s)} and uses"
        f" {format_size(recent[-1][1])} of {format_size(limit)}.",
        "Let it save its work, or look for what grows; ask for more next time.",
    )  # fmt: skip


def _is_steady(samples: list[tuple[int, int]], slope: float) -> bool:
    """Whether it grows in its last half about as fast as before."""
    if samples[-1][0] - samples[0][0] < TREND_STEADY_S:
        return False
    middle = (samples[0][0] + samples[-1][0]) / 2
    late = [sample for sample in samples if sample[0] >= middle]
    return len(late) >= 2 and slope_of(late) >= TREND_STEADY_SHARE * slope


def slope_of(samples: list[tuple[int, int]]) -> float:
    """Bytes a second: the median of the slopes of all pairs, which one odd sample cannot bend.

    Source: Theil 1950, Sen 1968.
    """
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for i, earlier in enumerate(samples)
        for later in samples[i + 1 :]
        if later[0] > earlier[0]
    ]
    return median(slopes) if slopes else 0.0


def _walltime(facts: Facts) -> Alert | None:
    end = facts.job.end_time
    if end is None or facts.job.start_time is None:
        return None
    left_s = end - facts.now
    limit_s = end - facts.job.start_time
    # A job that may only run for some minutes is not in trouble for its last five.
    if left_s > min(60 * facts.lines.minutes_left, 0.1 * limit_s) or left_s <= 0:
        return None
    done_at = facts.pace.done_at()
    if done_at is not None and done_at <= end:
        return None
    return _alert(
        facts, "walltime", HIGH, f"{_short(left_s)} of walltime left",
        f"At its limit of {_short(limit_s)} Slurm ends it.",
        "Have it save its work; an administrator can give a running job more time.",
    )  # fmt: skip


def _pace(facts: Facts) -> Alert | None:
    end, start = facts.job.end_time, facts.job.start_time
    if end is None or start is None:
        return None
    done_at = facts.pace.done_at()
    if done_at is not None:
        late_s = done_at - end
        if late_s > 0.02 * (end - start):
            share = facts.pace.seen[-1][1]
            return _alert(
                facts, "pace", HIGH, f"will be {_short(late_s)} late at its present pace",
                f"Its own progress is {100 * share:.0f} % after {_short(facts.now - start)}; its"
                f" limit is {_short(end - start)}.",
                "Have it save its work in time, and ask for more time next time.",
            )  # fmt: skip
    elif facts.typical_s and start + facts.typical_s > end > facts.now:
        return _alert(
            facts, "pace", HIGH, "less walltime than jobs like it need",
            f"Jobs like it run {_short(facts.typical_s)} (median); its limit is"
            f" {_short(end - start)}.",
            "Have it save its work in time, and ask for more time next time.",
        )  # fmt: skip
    return None


def _node(facts: Facts) -> Alert | None:
    job = facts.job
    if not job.node_list:
        return None
    for node in facts.nodes.values():
        level = _level_of(node)
        if level and holds_node(job.node_list, node.name.lower()):
            reason = f": {node.reason}" if node.reason else ""
            return _alert(
                facts, "node", level, f"its node {node.name} is {node.state.lower()}",
                f"Slurm says {node.state}{reason}.",
                "Slurm ends or requeues the job once the node is given up; submit it again without"
                f" that node (--exclude={node.name}).",
            )._replace(key=f"node:{node.name}:{int(facts.now) // DAY_S}")  # fmt: skip
    return None


def is_bad_node(node: Node) -> bool:
    """Whether jobs on it are in danger."""
    return bool(_level_of(node))


def _level_of(node: Node) -> str:
    words = node.state.upper().replace("*", "+NOT_RESPONDING").split("+")
    if any(word.startswith(_STARTING) for word in words):  # it does not respond yet
        words = [word for word in words if word != "NOT_RESPONDING"]
    levels = [_BAD_NODE[word] for word in words if word in _BAD_NODE]
    return CRITICAL if CRITICAL in levels else HIGH if levels else ""


def _gpu_idle(facts: Facts) -> Alert | None:
    if not facts.job.gpus:
        return None
    lines = facts.lines
    known = [(u.at, u.gpu_percent) for u in facts.usage if u.gpu_percent is not None]
    idle = list(takewhile(lambda look: look[1] < lines.gpu_idle_percent, reversed(known)))
    if len(idle) < GPU_IDLE_LOOKS or idle[0][0] < facts.now - GPU_FRESH_S:
        return None
    since = idle[-1][0]
    if idle[0][0] - since < 60 * lines.gpu_idle_minutes:
        return None
    gpus = "its GPU" if facts.job.gpus == 1 else f"its {facts.job.gpus} GPUs"
    return _alert(
        facts, "gpu_idle", MEDIUM, f"{gpus} idle for {_short(facts.now - since)}",
        f"No look since then found more than {lines.gpu_idle_percent:g} % use.",
        "Does the program use the GPU at all? What needs none belongs into a job without.",
    )  # fmt: skip


def _silent(facts: Facts) -> Alert | None:
    if facts.silent_since is None:
        return None
    looked_at = facts.now if facts.looked_at is None else facts.looked_at
    silent_s = looked_at - facts.silent_since  # since the look it may have written
    if silent_s < 60 * facts.lines.silent_minutes:
        return None
    cpu = _cpu_share(facts.usage, facts.job)
    busy = "" if cpu is None else f" Its CPUs were {100 * cpu:.0f} % busy meanwhile."
    return _alert(
        facts, "silent", MEDIUM, f"no output for {_short(silent_s)}",
        f"Its log last grew {_short(silent_s)} ago.{busy}",
        "It may hang, or keep its output in a buffer (python -u, stdbuf -oL).", family=True,
    )  # fmt: skip


def _cpu_share(usage: Sequence[Usage], job: Job) -> float | None:
    """Busy share of its CPUs over the last samples; None where nobody says."""
    samples = [(u.at, u.cpu_time_s) for u in usage if u.cpu_time_s is not None][-10:]
    if len(samples) < 2 or not job.cpus or samples[-1][0] <= samples[0][0]:
        return None
    (begun_at, before), (at, after) = samples[0], samples[-1]
    return max(0.0, (after - before) / (at - begun_at) / job.cpus)


# --- waiting jobs ----------------------------------------------------------------------------


def _never_starts(facts: Facts) -> Alert | None:
    reason = facts.job.reason
    if reason == "DependencyNeverSatisfied":
        return _alert(
            facts, "dependency", HIGH, "never starts: its dependency cannot be met",
            reason_words(reason).long
            + (f" Dependency: {facts.job.dependency}." if facts.job.dependency else ""),
            reason_words(reason).advice, family=True,
        )  # fmt: skip
    if not waiting_is_no_cure(reason):
        return None
    words = reason_words(reason)
    passes = reason in MAY_PASS
    title = "may never start" if passes else "waiting is no cure"
    return _alert(
        facts, "never_starts", MEDIUM if passes else HIGH, f"{title}: {words.short}", words.long,
        words.advice, family=True, what=reason,
    )  # fmt: skip


_RUNNING: tuple[Callable[[Facts], Alert | None], ...] = (
    _memory, _walltime, _pace, _node, _gpu_idle, _silent,
)  # fmt: skip
_WAITING: tuple[Callable[[Facts], Alert | None], ...] = (_never_starts,)


def _short(seconds: float) -> str:
    return format_short_duration(max(0, int(seconds)))


def _alert(
    facts: Facts, rule: str, level: str, title: str, why: str, fix: str,
    *, family: bool = False, what: str = "",
) -> Alert:  # fmt: skip
    """family: the tasks of an array share it. A job that started anew has alerts of its own."""
    job = facts.job
    if family and job.array_job_id is not None:
        whose, label = f"{job.array_job_id}", f"{job.array_job_id}"
    else:
        run = job.start_time if phase_of(job.state) is Phase.RUNNING else None
        whose, label = f"{job.job_id}:{run or 0}", job.label  # a waiting job's start is a guess
    key = ":".join(filter(None, (rule, whose, what)))
    return Alert(key, level, rule, title, why, fix, job.job_id, label, job.name, facts.now)
