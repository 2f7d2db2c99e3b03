"""Rules on how much a job asks for: walltime, memory, and whether any node has it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jobshape.app.board.bounds import LARGEST, Site, bounds_of
from jobshape.app.domain.entry import show_size
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.limits import SiteLimits, first_set
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.site_facts import NODES, PARTITIONS
from jobshape.app.domain.units import format_duration, parse_size
from jobshape.app.preflight.facts import Facts
from jobshape.app.preflight.place_rules import candidates, of, partitions_of
from jobshape.app.preflight.rule import Seen, bad, doubtful, good, unknown
from jobshape.app.preflight.subject import Component, Subject
from jobshape.app.settings.values import Policy

_FEATURE = re.compile(r"[\w.-]+")


def walltime_of(component: Component, facts: Facts) -> int | None:
    """The walltime it will have: what it asks for, else its partition's default; None: unknown."""
    if component.shape.time_limit_s is not None:
        return component.shape.time_limit_s
    for one in partitions_of(component, facts):
        return one.default_time_s or one.time_limit_s
    return None


def walltime_fits(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """It is within what partition, QOS and account allow."""
    for component in subject.components:
        before = of(component, subject)
        asked = component.shape.time_limit_s
        line = subject.line_of_field("time_limit_s", component.number)
        if asked is None:
            given = walltime_of(component, facts)
            words = "the site's default" if given is None else format_duration(given)
            yield good(f"{before}no walltime is asked for: it gets {words}")
            continue
        found, where = candidates(component, facts)
        if not found:
            yield unknown(f"{before}walltime not compared", facts.why_no(PARTITIONS))
            continue
        limits = _limits(facts)
        above = [one for one in found if _above(asked, limits.of_partition(one).time_limit_s)]
        if above:
            longest = ", ".join(
                f"{one.name} {format_duration(limits.of_partition(one).time_limit_s)}"
                for one in above
            )
            tell = bad if len(above) == len(found) else doubtful
            if tell is doubtful and not partitions_of(component, facts):
                yield unknown(f"{before}walltime not compared", "its partition is not known")
                continue
            yield tell(f"{before}walltime {format_duration(asked)} is above the limit of {where}",
                       f"the longest: {longest}{_for_good(above, facts)}", _shorter(above, facts),
                       line)  # fmt: skip
            continue
        limit, whose = first_set(limits.of_person(component.shape, found[0]), "time_limit_s")
        if _above(asked, limit):
            yield bad(f"{before}walltime {format_duration(asked)} is above the limit of {whose}",
                      f"the longest: {format_duration(limit)}",
                      f"--time={format_duration(limit)}, or another QOS", line)  # fmt: skip
        else:
            yield good(f"{before}walltime {format_duration(asked)} is within the limits", line)


def _above(asked_s: int, limit_s: int | None) -> bool:
    if limit_s is None or limit_s == UNLIMITED:
        return False
    return asked_s == UNLIMITED or asked_s > limit_s


def _limits(facts: Facts) -> SiteLimits:
    return (facts.site.limits if facts.site else None) or SiteLimits()


def _for_good(above: list[Partition], facts: Facts) -> str:
    """Whether the site takes a job above these limits all the same."""
    known = [_limits(facts).partition(one.name) for one in above]
    takes = any(one is not None and not one.refuses for one in known)
    return "; the site takes such a job, and it waits for good" if takes else ""


def _shorter(above: list[Partition], facts: Facts) -> str:
    limits = _limits(facts)
    longest = max(limits.of_partition(one).time_limit_s or 0 for one in above)
    others = [] if facts.site is None else [
        one.name for one in facts.site.partitions or ()
        if one not in above and (limits.of_partition(one).time_limit_s or longest + 1) > longest
    ]  # fmt: skip
    fix = f"--time={format_duration(longest)}"
    return f"{fix}, or a longer partition: {', '.join(others[:6])}" if others else fix


def _nodes_of(component: Component, facts: Facts) -> list[Node]:
    names = {one.name for one in partitions_of(component, facts)}
    nodes = (facts.site.nodes if facts.site else None) or ()
    return [one for one in nodes if names & set(one.partitions)]


def memory_fits(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """It is within the partition's largest node, and within limits on memory."""
    for component in subject.components:
        before, shape = of(component, subject), component.shape
        line = subject.line_of_field("memory_bytes", component.number)
        if not shape.memory_bytes:
            all_of_it = shape.memory_bytes == 0
            words = "all memory of the node" if all_of_it else "the default memory of the site"
            yield good(f"{before}{words}", line)
            continue
        asked = show_size(shape.memory_bytes)
        nodes = [one for one in _nodes_of(component, facts) if one.memory_bytes]
        if not nodes:
            yield unknown(f"{before}memory not compared", facts.why_no(NODES)
                          if facts.site is None or facts.site.nodes is None
                          else "no node of its partition is known")  # fmt: skip
            continue
        largest = max(nodes, key=lambda one: one.memory_bytes or 0)
        partitions = {one.name: one for one in (facts.site and facts.site.partitions) or ()}
        bound = bounds_of(shape, Site(partitions, nodes, _limits(facts)))["memory_bytes"]
        most = bound.most or 0
        if shape.memory_bytes > most:
            whose = f"the {LARGEST}, {largest.name}" if bound.who == LARGEST else bound.who
            yield bad(f"{before}memory {asked} a node is above {show_size(most)}",
                      f"more is not to be had from {whose}",
                      "ask for less, spread over more nodes, or choose another partition",
                      line)  # fmt: skip
        else:
            yield good(f"{before}memory {asked} a node fits into {largest.name}", line)


def memory_per_gpu_is_modest(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """It is within the policy, or justified in the script."""
    most = parse_size(policy.memory_per_gpu) or 0
    for component in subject.components:
        before, shape = of(component, subject), component.shape
        line = subject.line_of_field("memory_bytes", component.number)
        count = gpus_per_node(shape)
        per_gpu = _memory_per_gpu(component, count)
        if per_gpu is None:
            if count == 0 or (count is None and not _asks_for_gpus(component)):
                yield good(f"{before}no GPUs are asked for")
            else:
                yield unknown(
                    f"{before}memory for each GPU is not known",
                    "the script leaves memory or the number of GPUs a node to the site",
                )
        elif most and per_gpu > most:
            asked = f"{before}{show_size(per_gpu)} of memory for each GPU"
            if subject.batch.justified:
                yield good(f"{asked}: {subject.batch.justified}", line)
            else:
                yield bad(f"{asked} is above {show_size(most)}",
                          "memory that is not used keeps others from the node's GPUs",
                          f"ask for {show_size(most * max(1, count or 1))}, or say why in the"
                          " script: # JUSTIFIED: reason", line)  # fmt: skip
        else:
            yield good(f"{before}{show_size(per_gpu)} of memory for each GPU", line)


def gpus_per_node(shape: JobShape) -> int | None:
    """How many; 0 where none are asked for, None if that is not known."""
    if shape.gpus is None:
        return None
    count = shape.gpus.rpartition(":")[2]
    return int(count) if count.isdigit() else None


def _asks_for_gpus(component: Component) -> bool:
    return any("gpu" in option or "gpu" in component.options[option]
               for option in component.options
               if option.startswith(("gres", "gpus", "tres-per-")))  # fmt: skip


def _memory_per_gpu(component: Component, count: int | None) -> int | None:
    said = component.options.get("mem-per-gpu")
    if said is not None and "memory_bytes" not in component.changed:
        try:
            return parse_size(said, default_unit="M")
        except ValueError:
            return None
    if not count or not component.shape.memory_bytes:
        return None
    return component.shape.memory_bytes // count


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What one node has to have; None where nothing is asked."""

    nodes: int
    cpus: int
    memory_bytes: int
    gpus: int
    features: tuple[str, ...]
    excluded: frozenset[str]

    def lacks(self, node: Node) -> str:
        """What a node has too little of; "" if it fits."""
        if node.name in self.excluded:
            return "excluded"
        if node.cpus is not None and node.cpus < self.cpus:
            return f"{self.cpus} CPUs"
        if node.memory_bytes is not None and node.memory_bytes < self.memory_bytes:
            return f"{show_size(self.memory_bytes)} of memory"
        if (node.gpus or 0) < self.gpus:
            return f"{self.gpus} GPU{'s' * (self.gpus > 1)}"
        missing = [one for one in self.features if one not in node.features.split(",")]
        return f"the feature {missing[0]}" if missing else ""


def _wanted(shape: JobShape) -> _Wanted:
    nodes, tasks = shape.nodes or 1, shape.tasks or 1
    on_one = -(-tasks // nodes) if shape.nodes else 1  # else Slurm spreads tasks as they fit
    features = shape.features or ""
    plain = features.split("&") if _FEATURE.fullmatch(features.replace("&", "")) else []
    excluded = shape.exclude_nodes or ""
    return _Wanted(
        nodes=nodes, cpus=(shape.cpus_per_task or 1) * on_one,
        memory_bytes=shape.memory_bytes or 0, gpus=gpus_per_node(shape) or 0,
        features=tuple(filter(None, plain)),
        excluded=frozenset(excluded.split(",")) if "[" not in excluded else frozenset(),
    )  # fmt: skip


def nodes_fit(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """So many nodes of one partition have the CPUs, memory, GPUs and features."""
    if facts.site is None or facts.site.nodes is None:
        yield unknown("nodes not compared", facts.why_no(NODES))
        return
    for component in subject.components:
        yield _fit(component, subject, facts)


def _fit(component: Component, subject: Subject, facts: Facts) -> Seen:
    wanted, before = _wanted(component.shape), of(component, subject)
    best: tuple[int, int, str, list[Node]] | None = None
    for one in partitions_of(component, facts):
        nodes = [node for node in facts.site.nodes or () if one.name in node.partitions]  # type: ignore[union-attr]
        fit = [node for node in nodes if not wanted.lacks(node)]
        usable = sum(node.usable for node in fit)
        if best is None or (usable, len(fit)) > best[:2]:
            best = (usable, len(fit), one.name, nodes)
    if best is None:
        return unknown(f"{before}nodes not compared", "its partition is not known")
    usable, fit_count, name, nodes = best
    if usable >= wanted.nodes:
        return good(f"{before}{usable} node{'s' * (usable != 1)} of {name} can hold it")
    need = f"{wanted.nodes} nodes" if wanted.nodes > 1 else "one node"
    if fit_count >= wanted.nodes:
        return doubtful(f"{before}only {usable} fitting nodes of {name} can be used now",
                        f"it needs {need}; others are down or drained",
                        "wait for them, or choose another partition")  # fmt: skip
    lacking = [words for node in nodes if (words := wanted.lacks(node)) and words != "excluded"]
    what = max(set(lacking), key=lacking.count) if lacking else ""
    why = f"{len(nodes)} nodes, of which {fit_count} fit"
    field = {"C": "cpus_per_task", "G": "gpus", "o": "memory_bytes"}.get(
        what.partition(" ")[2][:1], "nodes"
    )
    title = f"no {wanted.nodes} nodes" if wanted.nodes > 1 else "no node"
    return bad(f"{before}{title} of {name} can hold it", f"{why}; others lack {what}" if what
               else why, "ask for less, or choose another partition",
               subject.line_of_field(field, component.number))  # fmt: skip
