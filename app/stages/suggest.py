"""Rules that would claim unassigned jobs, for a person to accept: by name, else by folder.

Jobs are put together by what stays the same in their names once figures are left out. Names that
begin with the same word and speak of the same stage share one rule.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from jobshape.app.domain.job import Job
from jobshape.app.domain.stage import Suggestion
from jobshape.app.stages.naming import stage_for, words_of

MOST_SUGGESTED = 50
EXAMPLES = 4
LONGEST_PATTERN = 400

_FIGURES = re.compile(r"\d+")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_NAMELESS = frozenset(("", "wrap", "bash", "sh", "sbatch", "interactive", "run", "job", "script",
                       "main", "python", "submit", "batch", "slurm", "a", "test.sh", "run.sh",
                       "job.sh", "zsh", "srun"))  # fmt: skip
"""Names that say nothing of what a job does."""

_SEPARATORS = "-_.:/ "


def suggest(
    unassigned: Iterable[Job], stages: Sequence[str], assigned: Iterable[Job] = ()
) -> list[Suggestion]:
    """One rule a group of jobs, the one that claims most first.

    assigned: jobs that have a stage already, to say how many of them a rule would fit too.
    """
    jobs = list(unassigned)
    by_name: dict[str, list[Job]] = defaultdict(list)
    by_folder: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        if job.name.strip().lower() in _NAMELESS:
            by_folder[_FIGURES.sub("#", job.work_dir)].append(job)
        else:
            by_name[_FIGURES.sub("#", job.name)].append(job)
    made = [_by_name(group, stages) for group in _joined(by_name, stages)]
    made += [_by_folder(group, stages) for group in by_folder.values() if group[0].work_dir]
    made = [one for one in made if len(one.rule[0][1]) <= LONGEST_PATTERN]
    made.sort(key=lambda one: (not one.stage, -one.jobs, one.rule))
    others = list(assigned)
    return [_checked(one, others) for one in made[:MOST_SUGGESTED]]


def _checked(suggestion: Suggestion, others: Iterable[Job]) -> Suggestion:
    patterns = [(field, re.compile(pattern)) for field, pattern in suggestion.rule]
    count = sum(
        all(pattern.search(getattr(job, field)) for field, pattern in patterns) for job in others
    )
    return suggestion._replace(others=count)


def _joined(by_name: dict[str, list[Job]], stages: Sequence[str]) -> list[list[Job]]:
    """Groups of one first word and one stage made one; groups of no stage stay as they are."""
    joined: dict[tuple[str, str], list[Job]] = defaultdict(list)
    for general, group in by_name.items():
        stage, word = stage_for(words_of(general), stages)
        first = _FIRST_WORD.match(general)
        if stage and first is not None and word in words_of(first[0]):
            joined[(stage, first[0])] += group
        else:
            joined[("", general)] += group
    return list(joined.values())


def _by_name(group: list[Job], stages: Sequence[str]) -> Suggestion:
    names = [job.name for job in group]
    general = {_FIGURES.sub("#", name) for name in names}
    stage, word = stage_for(words_of(names[0]), stages)
    pattern = f"^{_general_pattern(names[0])}$" if len(general) == 1 else _prefix_pattern(names)
    why = f"the name says {word!r}" if word else "nothing in the name speaks of a stage"
    return _suggestion(stage, (("name", pattern),), why, group)


def _by_folder(group: list[Job], stages: Sequence[str]) -> Suggestion:
    """By the last part of the folder that speaks of a stage, else by all of it."""
    folder = group[0].work_dir.rstrip("/")
    for part in reversed(folder.split("/")):
        stage, word = stage_for(words_of(part), stages)
        if stage:
            pattern = f"/{_general_pattern(part)}(/|$)"
            why = f"the working folder says {word!r}"
            return _suggestion(stage, (("work_dir", pattern),), why, group)
    pattern = f"^{_general_pattern(folder)}/?$"
    partitions = {job.partition for job in group}
    rule: tuple[tuple[str, str], ...] = (("work_dir", pattern),)
    if len(partitions) == 1 and (partition := next(iter(partitions))):
        rule += (("partition", f"^{_escaped(partition)}$"),)
    return _suggestion("", rule, "neither name nor folder speaks of a stage", group)


def _suggestion(
    stage: str, rule: tuple[tuple[str, str], ...], why: str, group: Sequence[Job]
) -> Suggestion:
    field = rule[0][0]
    seen = dict.fromkeys(getattr(job, field) for job in group)
    return Suggestion(stage, rule, why, len(group), tuple(seen)[:EXAMPLES], 0)


def _prefix_pattern(names: Sequence[str]) -> str:
    """The first word, and what follows it where that is a separator or a figure in all names."""
    first = _FIRST_WORD.match(names[0])
    assert first is not None  # they were joined by it
    after = {name[len(first[0]) : len(first[0]) + 1] for name in names}
    if len(after) == 1 and (sign := next(iter(after))) in _SEPARATORS and sign:
        return f"^{_escaped(first[0] + sign)}"
    if all(sign and (sign in _SEPARATORS or sign.isdecimal()) for sign in after):
        signs = "".join(sign for sign in _SEPARATORS if sign in after)  # "-" first: it is itself
        figures = r"\d" if any(map(str.isdecimal, after)) else ""
        return f"^{_escaped(first[0])}[{signs}{figures}]"
    return f"^{_escaped(first[0])}"


def _general_pattern(text: str) -> str:
    r"""The text as a pattern, each run of figures as ``\d+``."""
    return r"\d+".join(map(_escaped, _FIGURES.split(text)))


def _escaped(text: str) -> str:
    r"""The text as a pattern that is read easily; what cannot be seen is any sign, ``\W``."""
    return "".join(
        r"\W" if not char.isprintable() else re.escape(char) if char in r"\.^$*+?{}[]|()" else char
        for char in text
    )
