"""The shape with which jobs that failed are sent again, and why it is another one. Pure.

Memory after OUT_OF_MEMORY: Slurm says only that it was more than the limit, and MaxRSS is sampled
and may read far under it. So the limit counts, not the peak: first a step up, or the largest peak
of runs that did well; from the second time on the double. A retry at a whole node wastes most.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from jobshape.app.board.hostlist import holds_node, names_in
from jobshape.app.domain.entry import show_size
from jobshape.app.domain.finding import UNKNOWN
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.resubmission import Correction
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.site import Node
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.terms import Terms
from jobshape.app.domain.units import GIB, MIB, format_duration
from jobshape.app.resubmit.cases import TRANSIENT, Case

PEAK_HEADROOM = 1.1
"""Over the largest peak of the family: strong and easy to explain, see the shared traces."""

TIME_HEADROOM = 1.2
TIME_QUANTILE = 0.95
HUNG_SHARE, HUNG_LEAST_S = 0.01, 60
"""Less CPU time than this share of a run of at least so long: it rather hung than worked."""

MOST_RUNS = 200
OF_A_NODE = frozenset({"node_fail", "gpu_hardware", "mpi_comm"})
MAY_BE_NODE = OF_A_NODE | {
    "fs_error", "cuda_runtime", "cuda_unavailable", "container", "bus_error", "illegal_instruction",
    "shared_lib", "disk_full", "collective_comm", "exec_permission", "time_skew",
}  # fmt: skip
"""Failures that a sick node causes oftener than a program: jobs of two kinds prove it."""


@dataclass(frozen=True, slots=True)
class SiteRoom:
    """What the site has: how far a correction can go."""

    nodes: tuple[Node, ...] = ()
    limits: SiteLimits = field(default_factory=SiteLimits)

    def memory_of(self, partitions: str) -> int | None:
        """The largest node of any of these partitions."""
        wanted = set(filter(None, partitions.split(",")))
        sizes = [
            node.memory_bytes for node in self.nodes
            if node.memory_bytes and (not wanted or wanted & set(node.partitions))
        ]  # fmt: skip
        return max(sizes, default=None)

    def time_of(self, partitions: str, qos: str) -> int | None:
        """The longest walltime that one of these partitions and the QOS allow; None: any."""
        known = [self.limits.partition(name) for name in partitions.split(",") if name]
        found = [one.time_limit_s for one in known if one is not None]
        no_end = not found or any(one in (None, UNLIMITED) for one in found)
        most = None if no_end else max(one for one in found if one is not None)
        of_qos = self.limits.of_qos(qos) if qos else None
        limit = of_qos.time_limit_s if of_qos else None
        if limit is None or limit == UNLIMITED:
            return most
        return limit if most is None else min(limit, most)

    def larger_than(self, memory_bytes: int, but: str) -> str:
        """A partition with a node of at least that memory."""
        return next((name for node in sorted(self.nodes, key=lambda n: n.memory_bytes or 0)
                     if (node.memory_bytes or 0) >= memory_bytes
                     for name in node.partitions if name not in but.split(",")), "")  # fmt: skip

    def longer_than(self, time_s: int, but: str) -> str:
        """A partition that allows that walltime."""
        for one in self.limits.partitions:
            most = one.time_limit_s
            if one.name not in but.split(",") and (most in (None, UNLIMITED) or most >= time_s):
                return one.name
        return ""

    def left_without(self, partitions: str, excluded: Iterable[str]) -> bool:
        """Whether a node of these partitions would be left; True where no node is known."""
        wanted, gone = set(filter(None, partitions.split(","))), set(excluded)
        mine = [n for n in self.nodes if not wanted or wanted & set(n.partitions)]
        return not mine or any(node.name not in gone for node in mine)


@dataclass(frozen=True, slots=True)
class Corrected:
    """The new shape, what differs from the old one, and what a person has to know."""

    shape: JobShape
    corrections: tuple[Correction, ...] = ()
    warnings: tuple[str, ...] = ()
    hopeful: bool = False  # of every case: something is mended, or may be gone by itself


def correct(
    shape: JobShape, cases: Sequence[Case], past: Sequence[PastJob] = (),
    terms: Terms = Terms(), room: SiteRoom = SiteRoom(), sick: Sequence[str] = (),  # noqa: B008
) -> Corrected:  # fmt: skip
    """The shape for one submission that stands for all these cases: the largest of what each needs.

    past: ended runs of the same thing. sick: nodes that other jobs prove to be bad.
    """
    work = _Work(shape, cases, past[:MOST_RUNS], terms, room)
    work.memory()
    work.walltime()
    work.nodes(sick)
    work.hopeless()
    return work.done()


class _Work:
    def __init__(self, shape: JobShape, cases: Sequence[Case], past: Sequence[PastJob],
                 terms: Terms, room: SiteRoom) -> None:  # fmt: skip
        self.shape, self.cases, self.terms, self.room = shape, cases, terms, room
        self.well = [one for one in past if one.record.job.state == "COMPLETED"]
        job = cases[0].job if cases else None
        self.partition = shape.partition or (job.partition if job else "")
        self.qos = shape.qos or (job.qos if job else "")
        self.corrections: list[Correction] = []
        self.warnings: list[str] = []
        self.mended: set[str] = set()  # classes of fixes that were made

    def done(self) -> Corrected:
        shape = replace(self.shape, **{one.field: one.new for one in self.corrections})
        hopeful = bool(self.cases) and all(self._may_do_well(case) for case in self.cases)
        return Corrected(shape, tuple(self.corrections), tuple(self.warnings), hopeful)

    def _may_do_well(self, case: Case) -> bool:
        if case.fix in ("raise_memory", "raise_walltime", "exclude_node"):
            return case.fix in self.mended
        by_itself = case.fix in TRANSIENT and case.retry in ("yes", "maybe")
        return by_itself and not case.is_hopeless

    # --- memory -----------------------------------------------------------------------------

    def memory(self) -> None:
        """After kills for memory."""
        hit = [case for case in self.cases if case.fix == "raise_memory"]
        if not hit:
            return
        if self.shape.memory_bytes == 0:
            self.warnings.append(
                "it had all the memory of its node and that was not enough: take a larger node"
            )
            return
        limits = [case.memory_bytes for case in hit if case.memory_bytes]
        limit = max([*limits, self.shape.memory_bytes or 0])
        if not limit:
            self.warnings.append(
                "out of memory, but its limit is not known: set the memory by hand"
            )
            return
        tries = max(case.tries for case in hit)
        step = limit * 2 if tries else limit * (1 + self.terms.memory_percent / 100)
        wanted, why = (
            step,
            (
                f"again at {show_size(limit)}: doubled"
                if tries
                else f"+{self.terms.memory_percent:g}% over {show_size(limit)}"
            ),
        )
        peaks = [one.record.max_rss_bytes for one in self.well if one.record.max_rss_bytes]
        own = max((case.peak_bytes or 0 for case in hit), default=0)
        of_family = max(peaks, default=0)
        for peak, whose in (
            (of_family, f"largest peak of {len(peaks)} runs that did well: {show_size(of_family)}"),
            (own, f"its own peak: {show_size(own)}"),
        ):
            if peak * PEAK_HEADROOM > wanted:
                wanted, why = peak * PEAK_HEADROOM, f"{whose} and 10% over it"
        new = memory_step(math.ceil(round(wanted, 6)))
        most = self.room.memory_of(self.partition)
        if most is not None and new > most:
            more = self.room.larger_than(new, self.partition)
            self.warnings.append(
                f"{show_size(new)} would be asked for, but the largest node of"
                f" {self.partition or 'the site'} has {show_size(most)}"
                + (f"; partition {more} has larger ones" if more else "")
            )
            new = most // MIB * MIB
        if new <= limit:
            self.warnings.append(
                f"no node here has more memory than the {show_size(limit)} it died at"
            )
            return
        self.mended.add("raise_memory")
        self._set("memory_bytes", new, f"out of memory{self._share(len(hit))}: {why}")

    # --- walltime ---------------------------------------------------------------------------

    def walltime(self) -> None:
        """After runs that hit their limit."""
        hit = [case for case in self.cases if case.fix == "raise_walltime"]
        if not hit:
            return
        known = [case.time_limit_s for case in hit if case.time_limit_s]
        limit = max([*known, self.shape.time_limit_s or 0])
        if limit <= 0:
            self.warnings.append("it hit a time limit that is not known: set the walltime by hand")
            return
        hung = [case for case in hit if (case.elapsed_s or 0) >= HUNG_LEAST_S
                and case.cpu_s is not None
                and case.cpu_s < HUNG_SHARE * (case.elapsed_s or 0)]  # fmt: skip
        if hung:
            self.warnings.append(
                f"it used almost no CPU time{self._share(len(hung))}: it may have hung, and more"
                " walltime does not help then"
            )
        wanted = limit * (1 + self.terms.time_percent / 100)
        why = f"+{self.terms.time_percent:g}% over {format_duration(limit)}"
        runs = sorted(one.record.elapsed_s for one in self.well if one.record.elapsed_s)
        if runs:
            long_run = runs[math.ceil(TIME_QUANTILE * len(runs)) - 1]
            if long_run * TIME_HEADROOM > wanted:
                wanted = long_run * TIME_HEADROOM
                why = (f"95% of {len(runs)} runs that did well took up to"
                       f" {format_duration(long_run)}, and 20% over it")  # fmt: skip
        new = time_step(math.ceil(round(wanted, 6)))
        most = self.room.time_of(self.partition, self.qos)
        if most is not None and new > most:
            more = self.room.longer_than(new, self.partition)
            self.warnings.append(
                f"{format_duration(new)} would be asked for, but at most {format_duration(most)}"
                " is allowed here" + (f"; partition {more} allows it" if more else "")
            )
            new = most
        if new <= limit:
            self.warnings.append(f"no more walltime than its {format_duration(limit)} is allowed")
            return
        if len(hung) < len(hit):
            self.mended.add("raise_walltime")
        self._set("time_limit_s", new, f"time limit reached{self._share(len(hit))}: {why}")

    # --- nodes ------------------------------------------------------------------------------

    def nodes(self, sick: Sequence[str]) -> None:
        """Leave out those that failed."""
        bad: dict[str, str] = dict.fromkeys(sick, "several jobs died on it")
        hit = [case for case in self.cases if case.label in OF_A_NODE or case.fix == "exclude_node"]
        for case in hit:
            named = nodes_of_failure(case)
            if named:
                bad.update((node, case.title) for node in named if node not in bad)
            elif case.job.node_list:
                self.warnings.append(
                    f"one of {case.job.node_list} failed ({case.title}); which one is not known"
                )
        old = self.shape.exclude_nodes or ""
        new = [node for node in bad if not holds_node(old, node.lower())]
        if not new:
            return
        if not self.room.left_without(self.partition, [*names_in(old), *new]):
            self.warnings.append(
                f"{','.join(new)} failed, but without it no node of {self.partition or 'the site'}"
                " would be left: not excluded"
            )
            return
        self.mended.add("exclude_node")
        said = "; ".join(f"{node}: {bad[node]}" for node in new[:3])
        self._set("exclude_nodes", ",".join(filter(None, [old, *new])), f"bad node: {said}")

    # --- what no shape mends ----------------------------------------------------------------

    def hopeless(self) -> None:
        """Say what will fail again, and what nobody knows."""
        counts = Counter((case.retry, case.title) for case in self.cases if case.would_fail_again)
        for (retry, title), count in counts.most_common(3):
            verb = "will" if retry == "no" else "may"
            self.warnings.append(f"{verb} fail again{self._share(count)}: {title}")
        unknown = sum(
            case.label in ("", UNKNOWN) and phase_of(case.job.state) is Phase.FAILED
            for case in self.cases
        )
        if unknown:
            self.warnings.append(
                f"nothing says why it failed{self._share(unknown)}: it may fail again"
            )
        self.warnings = list(dict.fromkeys(self.warnings))

    def _share(self, count: int) -> str:
        return f" ({count} of {len(self.cases)} tasks)" if len(self.cases) > 1 else ""

    def _set(self, name: str, value: object, reason: str) -> None:
        if self._share(1) and name in ("memory_bytes", "time_limit_s"):
            kinds = {case.fix for case in self.cases}
            if len(kinds) > 1:
                reason += "; one array, so all its tasks get it"
        self.corrections.append(Correction(name, getattr(self.shape, name), value, reason))


def memory_step(size_bytes: int) -> int:
    """Rounded up to what people write: 16 MiB up to 1 GiB, 256 MiB up to 16 GiB, then 1 GiB."""
    step = 16 * MIB if size_bytes <= GIB else 256 * MIB if size_bytes <= 16 * GIB else GIB
    return -(-size_bytes // step) * step


def time_step(time_s: int) -> int:
    """Rounded up to a minute, above two hours to five, above a day to half an hour."""
    step = 60 if time_s <= 7200 else 300 if time_s <= 86400 else 1800
    return -(-time_s // step) * step


def nodes_of_failure(case: Case) -> list[str]:
    """The nodes that the failure itself names, or the only one that the job ran on."""
    names = names_in(case.job.node_list, 1000)
    if len(names) == 1:
        return list(names)
    words = set(_words(case.evidence))
    return [name for name in names if name in words]


def sick_nodes(cases: Iterable[Case], family: Callable[[Case], str]) -> list[str]:
    """Nodes where jobs of at least two families died of what a sick node causes."""
    kinds: dict[str, set[str]] = {}
    for case in cases:
        if case.label in MAY_BE_NODE:
            for node in nodes_of_failure(case):
                kinds.setdefault(node, set()).add(family(case))
    return [node for node, families in kinds.items() if len(families) > 1]


def _words(text: str) -> Iterable[str]:
    return "".join(c if c.isalnum() or c in "-_" else " " for c in text).split()
