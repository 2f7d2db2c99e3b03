"""The filter language: ``train state:R mem>8G age>2h -user:bob "two words"``.

Every part must match. A plain word is looked for in all a row shows. ``key:value`` finds the value
in a field (``a,b`` either), ``key=value`` is exactly it, ``key>value`` compares figures. ``-`` or
``!`` in front turns a part round. What is unknown of a job never matches a comparison, turned
round or not.
"""

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import NamedTuple

from jobshape.app.board.hostlist import holds_node
from jobshape.app.board.query_keys import (
    ALIASES,
    COMPARE,
    FIGURES,
    Key,
    Kind,
    Unfinished,
    comparable,
    read_figure,
)  # fmt: skip
from jobshape.app.board.search_text import search_text
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, known_states, phase_of, state_of


class QueryProblem(NamedTuple):
    """What is wrong with a query, where (characters from its start), and what to do.

    ``incomplete``: only half typed (``mem>``); keep the last good filter and stay calm.
    """

    start: int
    end: int
    what: str
    hint: str
    incomplete: bool


class QueryError(Exception):
    """A query that cannot be understood; ``problem`` says why."""

    def __init__(self, problem: QueryProblem) -> None:
        super().__init__(problem.what)
        self.problem = problem


class Completion(NamedTuple):
    """One way to go on typing: replace text[start:end] by ``text``."""

    start: int
    end: int
    text: str
    help: str


Test = Callable[[Job, float, str], bool]
"""(job, now, search text) -> whether it matches."""


class Query:
    """A compiled filter. Two of the same text are equal."""

    __slots__ = ("_tests", "clocked", "reads_text", "text")

    def __init__(
        self, text: str, tests: tuple[Test, ...] = (), *, reads_text: bool = False,
        clocked: bool = False,
    ) -> None:  # fmt: skip
        self.text = text
        self.reads_text = reads_text  # whether matches looks at a search text
        self.clocked = clocked  # whether the time alone changes what matches
        self._tests = tests

    @property
    def is_empty(self) -> bool:
        """Whether everything matches."""
        return not self._tests

    def matches(self, job: Job, now: float, text: str | None = None) -> bool:
        """Whether the job is to be shown at this time (seconds since the epoch).

        text: the job's search text, if the caller keeps it.
        """
        if text is None:
            text = search_text(job) if self.reads_text else ""
        for test in self._tests:  # noqa: SIM110 - twice as fast as all() of a generator
            if not test(job, now, text):
                return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Query) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


EVERYTHING = Query("")
"""The filter that hides nothing."""


class Part(NamedTuple):
    """One part of a query as typed; ``operator`` "" for a plain word."""

    start: int
    end: int
    negated: bool
    key: str
    operator: str
    values: tuple[str, ...]
    value_start: int


_HEAD = re.compile(r"([A-Za-z_]+)(>=|<=|!=|[:=<>])")
_VALUE = re.compile(r'"([^"]*)"|("[^"]*\Z)|(,)|([^\s,"]+)')


def split_query(text: str) -> list[Part]:
    """The parts of a query. Raises QueryError for a quote without its end."""
    parts, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        start = at
        negated = text[at] in "-!" and at + 1 < len(text) and not text[at + 1].isspace()
        at += negated
        head = _HEAD.match(text, at)
        key, operator = (head[1].lower(), head[2]) if head else ("", "")
        value_start = at = head.end() if head else at
        values, at = _read_values(text, at, plain=not head)
        parts.append(Part(start, at, negated, key, operator, values, value_start))
    return parts


def _read_values(text: str, at: int, *, plain: bool) -> tuple[tuple[str, ...], int]:
    """Comma separated values, some of them quoted, up to the next space; and where that is."""
    values, value = [], ""
    while match := _VALUE.match(text, at):
        if match[2]:
            raise QueryError(QueryProblem(
                at, len(text), "the quote has no end", 'close it with "', incomplete=True
            ))  # fmt: skip
        if match[3] and not plain:
            values.append(value)
            value = ""
        else:
            value += match[1] if match[1] is not None else match[0]
        at = match.end()
    return tuple(one for one in (*values, value) if one), at


def compile_query(text: str) -> Query:
    """The filter of a text. Raises QueryError, and nothing else."""
    tests: list[Test] = []
    reads_text = clocked = False
    for part in split_query(text):
        if part.operator:
            key = _key_of(part)
            clocked |= key.clocked
            tests.append(_key_test(key, part))
        elif part.values:
            if text[part.start :] in ("-", "!"):
                raise _problem(part, "nothing to turn round", "type a word after it", True)
            reads_text = True
            tests.append(_word_test(part.values[0].lower(), part.negated))
    return (
        Query(text, tuple(tests), reads_text=reads_text, clocked=clocked) if tests else EVERYTHING
    )


def _problem(part: Part, what: str, hint: str, incomplete: bool = False) -> QueryError:
    return QueryError(QueryProblem(part.start, part.end, what, hint, incomplete))


def _key_of(part: Part) -> Key:
    key = ALIASES.get(part.key)
    if key is None:
        near = get_close_matches(part.key, ALIASES, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else 'quote it to search for it: "..."'
        raise _problem(part, f"unknown key '{part.key}'", hint)
    if key.kind not in FIGURES and part.operator in (">", ">=", "<", "<="):
        raise _problem(part, f"{key.name} has no order", f"write {key.name}:... or {key.name}=...")
    if not part.values:
        raise _problem(part, f"{key.name}{part.operator} what?", key.kind.value, True)
    return key


def _word_test(word: str, negated: bool) -> Test:
    if negated:
        return lambda job, now, text: word not in text
    return lambda job, now, text: word in text


def _key_test(key: Key, part: Part) -> Test:
    if key.kind in FIGURES:
        return _figure_test(key, part)
    # != is = turned round; two turns are none.
    negated = part.negated != (part.operator == "!=")
    tests = [_TESTS[key.kind](key, value, part) for value in part.values]
    if len(tests) == 1 and not negated:
        return tests[0]
    return lambda job, now, text: any(test(job, now, text) for test in tests) != negated


def _figure_test(key: Key, part: Part) -> Test:
    values = []
    for value in part.values:
        try:
            values.append(read_figure(key.kind, value))
        except Unfinished as error:
            raise _problem(part, f"{key.name}{part.operator}{value}", str(error), True) from error
        except ValueError as error:
            what = f"'{value}' is {error}"
            raise _problem(part, what, f"{key.name} takes {key.kind.value}") from error
    if len(values) > 1 and part.operator not in (":", "=", "!="):
        raise _problem(
            part, f"{part.operator} takes one value", f"as in {key.name}{key.examples[0]}"
        )
    read, wanted = key.read, part.negated
    if part.operator == "!=":
        wanted, compare = not wanted, COMPARE["="]
    else:
        compare = COMPARE[part.operator]

    def test(job: Job, now: float, text: str) -> bool:
        figure = comparable(read(job, now))
        if figure is None:
            return False
        return any(compare(figure, value) for value in values) != wanted

    return test


def _state_test(key: Key, value: str, part: Part) -> Test:
    wanted = value.upper()
    if wanted in Phase.__members__:
        states = frozenset(s for s in known_states() if phase_of(s) is Phase[wanted])
        if wanted == "RUNNING" and part.operator != ":":
            states = frozenset({"RUNNING"})  # state=running is Slurm's state, not the phase
        return lambda job, now, text: job.state in states
    exact = state_of(value)
    if exact in known_states():
        return lambda job, now, text: job.state == exact
    if not any(state.startswith(wanted) for state in (*known_states(), *Phase.__members__)):
        near = get_close_matches(wanted, (*known_states(), *Phase.__members__), n=1, cutoff=0.75)
        if near:
            raise _problem(part, f"unknown state '{value}'", f"did you mean {near[0].lower()}?")
    # The beginning of a state's name, or a state of a newer Slurm.
    phases = [phase for phase in Phase if phase.name.startswith(wanted)]
    return lambda job, now, text: job.state.startswith(wanted) or phase_of(job.state) in phases


def _text_test(key: Key, value: str, part: Part) -> Test:
    read, wanted = key.read, value.lower()
    if "*" in wanted:
        glob = re.compile(".*".join(map(re.escape, wanted.split("*"))) + r"\Z", re.DOTALL)
        return lambda job, now, text: bool(glob.match(read(job, now).lower()))
    if part.operator == ":":
        return lambda job, now, text: wanted in read(job, now).lower()
    if key.name == "partition":  # a waiting job may name several
        return lambda job, now, text: wanted in job.partition.lower().split(",")
    return lambda job, now, text: bool(read(job, now).lower() == wanted)


def _id_test(key: Key, value: str, part: Part) -> Test:
    number = int(value) if re.fullmatch(r"[0-9]{1,15}", value) else None

    def test(job: Job, now: float, text: str) -> bool:
        if number is None:
            return job.label.startswith(value) if part.operator == ":" else job.label == value
        return number in (job.job_id, job.array_job_id, job.het_job_id)

    return test


def _array_test(key: Key, value: str, part: Part) -> Test:
    word = value.lower()
    if word in ("any", "yes", "*"):
        return lambda job, now, text: job.array_job_id is not None
    if word in ("none", "no"):
        return lambda job, now, text: job.array_job_id is None
    if not re.fullmatch(r"[0-9]{1,15}", value):
        incomplete = any(choice.startswith(word) for choice in ("any", "yes", "none"))
        raise _problem(part, f"'{value}' is no array id", key.kind.value, incomplete)
    number = int(value)
    return lambda job, now, text: job.array_job_id == number


def _node_test(key: Key, value: str, part: Part) -> Test:
    wanted = value.lower()
    exact = part.operator != ":"

    def test(job: Job, now: float, text: str) -> bool:
        nodes = job.node_list
        if not nodes:
            return False
        return holds_node(nodes, wanted) or (not exact and wanted in nodes.lower())

    return test


_TESTS: dict[Kind, Callable[[Key, str, Part], Test]] = {
    Kind.STATE: _state_test,
    Kind.WORD: _text_test,
    Kind.ID: _id_test,
    Kind.ARRAY: _array_test,
    Kind.NODE: _node_test,
}
