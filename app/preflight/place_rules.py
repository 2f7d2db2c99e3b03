"""Rules on where a job may go: partition, QOS, account and type of GPU."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from jobshape.app.domain.site import Partition
from jobshape.app.domain.site_facts import LIMITS, NODES, PARTITIONS
from jobshape.app.preflight.facts import Facts
from jobshape.app.preflight.rule import Seen, bad, doubtful, good, unknown
from jobshape.app.preflight.subject import Component, Subject
from jobshape.app.scripts.shape import GPU_OPTIONS
from jobshape.app.settings.values import Policy

_TYPE = re.compile(r"(?:^|[,/])(?:gres[/:])?gpu[:=]([A-Za-z][\w.-]*)", re.IGNORECASE)
_BARE_TYPE = re.compile(r"(?:^|,)\s*(?!gpu\b)([A-Za-z][\w.-]*)[:=]\d")


def named(text: str | None) -> list[str]:
    """The names of a comma-separated list."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def partitions_of(component: Component, facts: Facts) -> list[Partition]:
    """The partitions a job may go to, as far as they are known; the default one if none is said."""
    known = (facts.site.partitions if facts.site else None) or ()
    wanted = named(component.shape.partition)
    if not wanted:
        return [one for one in known if one.is_default]
    return [one for name in wanted for one in known if one.name == name]


def candidates(component: Component, facts: Facts) -> tuple[list[Partition], str]:
    """The partitions to compare with, and their name: all, where none of its own is known."""
    found = partitions_of(component, facts)
    if found:
        names = ",".join(one.name for one in found)
        return found, f"partition {names}"
    return list((facts.site.partitions if facts.site else None) or ()), "any partition"


def of(component: Component, subject: Subject) -> str:
    """What tells one component from the others, for a title."""
    return f"component {component.number}: " if len(subject.components) > 1 else ""


def near(name: str, known: Sequence[str], what: str) -> str:
    """What to do about a name that nobody knows."""
    close = get_close_matches(name, known, 1)
    listed = ", ".join(sorted(known)[:12]) or "none"
    return f"did you mean {close[0]}?" if close else f"{what} here: {listed}"


def taken_all_the_same(facts: Facts) -> bool:
    """Whether the site said that it would take the job, which counts for more than a list."""
    return facts.site is not None and facts.site.start is not None and not facts.site.refusal


def _judged(facts: Facts, title: str, why: str, fix: str, line: int | None) -> Seen:
    if taken_all_the_same(facts):
        return doubtful(title, f"{why}; the site would take it all the same", fix, line)
    return bad(title, why, fix, line)


def partition_allows(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """It exists, is up, and lets this account, QOS and group in."""
    if facts.site is None or facts.site.partitions is None:
        yield unknown("partition not looked up", facts.why_no(PARTITIONS))
        return
    names = [one.name for one in facts.site.partitions]
    for component in subject.components:
        line, before = subject.line_of_field("partition", component.number), of(component, subject)
        wanted = named(component.shape.partition)
        if not wanted and not partitions_of(component, facts):
            yield bad(f"{before}no partition is named", "the site has no default one",
                      f"add --partition, one of {', '.join(names[:12])}")  # fmt: skip
        for name in wanted:
            if name not in names:
                yield bad(f"{before}no partition {name}", "there is none, or it is hidden from you",
                          near(name, names, "partitions"), line)  # fmt: skip
        for one in partitions_of(component, facts):
            found = list(_of_one(one, component, facts, line))
            yield from found
            if not found:
                yield good(f"{before}partition {one.name} is up and open to you", line)


def _of_one(one: Partition, component: Component, facts: Facts, line: int | None) -> Iterator[Seen]:
    if one.state.upper() != "UP":
        held = one.state.upper() == "DOWN"
        tell = doubtful if held else bad
        why = ("jobs are taken, and wait until it is up again" if held
               else "it takes no jobs in this state")  # fmt: skip
        yield tell(f"partition {one.name} is {one.state.upper()}", why,
                   "choose another one, or ask the site", line)  # fmt: skip
    limits = facts.site.limits if facts.site else None
    account = component.shape.account or (limits.default_account if limits else "")
    place = limits.association(account, one.name) if limits else None
    qos = component.shape.qos or (place.default_qos if place else "")
    for what, value, allowed in (("account", account, one.allow_accounts),
                                 ("QOS", qos, one.allow_qos)):  # fmt: skip
        if allowed and value and value not in named(allowed):
            yield _judged(facts, f"partition {one.name} does not allow {what} {value}",
                          f"it allows {allowed}", f"use one of these {what}s, or another partition",
                          line)  # fmt: skip
    groups = facts.files.groups
    if one.allow_groups and groups is not None and not set(groups) & set(named(one.allow_groups)):
        yield _judged(facts, f"partition {one.name} is not open to your groups",
                      f"it allows {one.allow_groups}; yours: {', '.join(groups)}",
                      "choose another partition, or ask the site", line)  # fmt: skip


def qos_allows(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """The QOS exists, and the account may use it."""
    limits = facts.site.limits if facts.site else None
    asked = [one for one in subject.components if one.shape.qos]
    if not asked:
        yield good("no QOS is named: the default one holds")
        return
    if limits is None or not limits.qos:
        yield unknown("QOS not looked up", limits.problem if limits else facts.why_no(LIMITS))
        return
    names = [one.name for one in limits.qos]
    for component in asked:
        name = component.shape.qos or ""
        line = subject.line_of_field("qos", component.number)
        place = limits.association(component.shape.account or "")
        if name not in names:
            yield _judged(facts, f"no QOS {name}", "the site does not know it",
                          near(name, names, "QOS"), line)  # fmt: skip
        elif place is not None and place.qos and name not in place.qos:
            yield _judged(facts, f"QOS {name} is not yours",
                          f"account {place.account} may use {', '.join(place.qos)}",
                          "use one of these, or another account", line)  # fmt: skip
        else:
            yield good(f"{of(component, subject)}QOS {name} is there", line)


def account_is_ours(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """The account exists, and the user is in it."""
    limits = facts.site.limits if facts.site else None
    asked = [one for one in subject.components if one.shape.account]
    if not asked:
        yield good("no account is named: the default one holds")
        return
    if limits is None or not limits.associations:
        why = limits.problem or "the site tells no accounts" if limits else facts.why_no(LIMITS)
        yield unknown("account not looked up", why)
        return
    names = sorted({one.account for one in limits.associations})
    for component in asked:
        name = component.shape.account or ""
        line = subject.line_of_field("account", component.number)
        if name.lower() not in (one.lower() for one in names):
            yield _judged(facts, f"you are not in account {name}",
                          f"your accounts: {', '.join(names)}", near(name, names, "accounts"),
                          line)  # fmt: skip
        else:
            yield good(f"{of(component, subject)}account {name} is yours", line)


def gpu_types(component: Component) -> list[str]:
    """The types of GPU that are asked for, by name."""
    if "gpus" in component.changed:
        kind, colon, _ = (component.shape.gpus or "").rpartition(":")
        return [kind] if colon else []
    found = []
    for option, value in component.options.items():
        if option in GPU_OPTIONS or option.startswith("tres-per-"):
            found += _TYPE.findall(value)
            if option in GPU_OPTIONS and option != "gres":
                found += _BARE_TYPE.findall(value)
    return [kind for kind in dict.fromkeys(found) if kind.lower() != "gpu"]


def gpu_type_is_there(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """Nodes of the partition that can be used have GPUs of that type."""
    asked = [(one, gpu_types(one)) for one in subject.components]
    if not any(kinds for _, kinds in asked):
        yield good("no type of GPU is named")
        return
    if facts.site is None or facts.site.nodes is None:
        yield unknown("type of GPU not looked up", facts.why_no(NODES))
        return
    for component, kinds in asked:
        partitions, where = candidates(component, facts)
        names = {one.name for one in partitions}
        nodes = [one for one in facts.site.nodes if names & set(one.partitions)]
        here = {kind for one in nodes for kind in _types_of(one.gpu_types)}
        usable = {kind for one in nodes if one.usable for kind in _types_of(one.gpu_types)}
        line = subject.line_of_field("gpus", component.number)
        for kind in kinds:
            if kind.lower() in usable:
                yield good(f"{of(component, subject)}{where} has GPUs of type {kind}", line)
            elif kind.lower() in here:
                yield doubtful(f"no node with {kind} can be used now",
                               f"those of {where} are down or drained",
                               "wait for them, or choose another type", line)  # fmt: skip
            else:
                yield bad(f"no GPU of type {kind} in {where}", "no node there has one",
                          near(kind.lower(), sorted(here), "types"), line)  # fmt: skip


def _types_of(text: str) -> list[str]:
    """``a100:4,v100:2`` -> a100, v100."""
    return [part.partition(":")[0].lower() for part in named(text) if not part.isdigit()]
