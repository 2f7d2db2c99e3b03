"""Ways to go on typing a filter: keys, then values seen on the board."""

from collections.abc import Iterable

from jobshape.app.board.board import Board
from jobshape.app.board.query import Completion, Part, QueryError, split_query
from jobshape.app.board.query_keys import ALIASES, KEYS, Key, Kind
from jobshape.app.domain.states import known_states

AT_MOST = 50


def completions(text: str, board: Board, cursor: int | None = None) -> list[Completion]:
    """Ways to go on at the cursor (default: the end), most likely first, at most 50."""
    typed = text if cursor is None else text[:cursor]
    part = _last_part(typed)
    if part is None:
        return _keys("", len(typed))
    if not part.operator:
        word = part.values[0] if part.values else ""
        start = part.start + part.negated
        return [] if typed[start : start + 1] == '"' else _keys(word, start)
    key = ALIASES.get(part.key)
    if key is None:
        return []
    value_start = max(part.value_start, typed.rfind(",") + 1)
    value = typed[value_start:].strip('"')
    if not value and not key.field and key.kind not in (Kind.STATE, Kind.NODE, Kind.ARRAY):
        # Figures: whole examples in place of the operator typed so far.
        at = part.value_start - len(part.operator)
        return [Completion(at, len(typed), example, key.help) for example in key.examples]
    return [Completion(value_start, len(typed), _quoted(one), key.help)
            for one in _fitting(value, _values(key, board))]  # fmt: skip


def _last_part(typed: str) -> Part | None:
    """The part that ends at the cursor, None at the start of a new one."""
    if not typed or typed[-1].isspace():
        return None
    try:
        return split_query(typed)[-1]
    except QueryError as error:  # an open quote: take it as closed
        try:
            return split_query(typed + '"')[-1] if error.problem.incomplete else None
        except QueryError:
            return None


def _keys(beginning: str, start: int) -> list[Completion]:
    return [Completion(start, start + len(beginning), key.name + (key.examples[0][:1] if
            key.examples and key.examples[0][:1] in "<>=" else ":"), key.help)
            for key in KEYS.values() if key.name.startswith(beginning.lower())]  # fmt: skip


def _values(key: Key, board: Board) -> Iterable[str]:
    if key.kind is Kind.STATE:
        return (*key.examples, *(state.lower() for state in known_states()))
    if key.kind is Kind.NODE:
        return board.nodes
    if key.name == "partition":
        return board.partitions or board.values("partition")
    return board.values(key.field) if key.field else key.examples


def _fitting(beginning: str, values: Iterable[str]) -> list[str]:
    """Values that begin so, then those that hold it, each once."""
    wanted = beginning.lower()
    first = [one for one in values if one.lower().startswith(wanted)]
    then = [one for one in values if wanted in one.lower()]
    return [one for one in dict.fromkeys((*first, *then)) if one.lower() != wanted][:AT_MOST]


def _quoted(value: str) -> str:
    return f'"{value}"' if any(sign.isspace() or sign == "," for sign in value) else value
