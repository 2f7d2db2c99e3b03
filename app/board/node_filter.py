"""The filter of the nodes screen: ``state:drain gpu:a100 part:gpu n0``.

Every part must match. A plain word is looked for in name, state, partitions, features, GPU types
and Slurm's reason; ``key:a,b`` finds either; ``-`` in front turns a part round.
"""

from collections.abc import Callable
from difflib import get_close_matches

from jobshape.app.board.board import Board
from jobshape.app.board.node_words import Standing, standing_of, state_words
from jobshape.app.board.query import Completion, Part, QueryError, QueryProblem, split_query
from jobshape.app.domain.site import Node

_AT_WORK = (Standing.IDLE, Standing.MIXED, Standing.FULL)
_BASE = {"IDLE", "MIXED", "ALLOCATED"}

Matches = Callable[[Node], bool]

KEYS = {
    "name": "what a node is called",
    "state": "idle, mixed, full, drained, down, ...",
    "partition": "a partition the node is in",
    "feature": "a feature the node has",
    "gpu": "a type of GPU; any, none",
    "reason": "Slurm's reason",
}
"""Key -> what it looks at."""

_SHORT = {"part": "partition", "p": "partition", "features": "feature", "constraint": "feature",
          "gpus": "gpu", "gres": "gpu", "node": "name", "st": "state"}  # fmt: skip


def _text_of(key: str, node: Node) -> str:
    if key == "state":
        standing = standing_of(node)
        words = state_words(node.state).words
        if standing not in _AT_WORK:
            words = words - _BASE  # who looks for idle nodes does not mean drained ones
        return " ".join((standing.value, *words)).lower()
    if key == "partition":
        return " ".join(node.partitions).lower()
    if key == "gpu":
        return (node.gpu_types or "gpu" if node.gpus else "none").lower()
    return {"name": node.name, "feature": node.features, "reason": node.reason}[key].lower()


def _any_text(node: Node) -> str:
    return " ".join(_text_of(key, node) for key in KEYS if key != "gpu" or node.gpus)


def compile_node_filter(text: str) -> Matches | None:
    """Whether a node is to be shown; None for every one. Raises QueryError."""
    tests = [_test(part) for part in split_query(text) if part.values or part.operator]
    if not tests:
        return None
    return lambda node: all(test(node) for test in tests)


def _test(part: Part) -> Matches:
    values = [value.lower() for value in part.values]
    if not part.operator:
        word = values[0]
        return lambda node: (word in _any_text(node)) != part.negated
    key = _SHORT.get(part.key, part.key)
    if key not in KEYS:
        near = get_close_matches(part.key, [*KEYS, *_SHORT], n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "one of " + ", ".join(KEYS)
        raise _problem(part, f"unknown key '{part.key}'", hint)
    if part.operator not in (":", "=", "!="):
        raise _problem(part, f"{key} has no order", f"write {key}:...")
    if not values:
        raise _problem(part, f"{key}: what?", KEYS[key], incomplete=True)
    turned = part.negated != (part.operator == "!=")
    exact = part.operator != ":"
    return lambda node: any(_holds(key, value, node, exact) for value in values) != turned


def _holds(key: str, value: str, node: Node, exact: bool) -> bool:
    if key == "gpu" and value == "any":
        return bool(node.gpus)
    text = _text_of(key, node)
    words = text.replace(",", " ").split()
    if not exact and key == "state":
        return any(word.startswith(value) for word in words)
    if not exact:
        return value in text
    return value == text or value in (word.partition(":")[0] for word in words)


def _problem(part: Part, what: str, hint: str, *, incomplete: bool = False) -> QueryError:
    return QueryError(QueryProblem(part.start, part.end, what, hint, incomplete))


def node_completions(text: str, board: Board, cursor: int) -> list[Completion]:
    """Ways to go on typing: keys, then the values that the board's nodes have."""
    typed = text[:cursor]
    word = "" if not typed or typed[-1].isspace() else typed.split()[-1]
    start = len(typed) - len(word.lstrip("-!"))
    key, colon, value = word.lstrip("-!").partition(":")
    if not colon:
        return [
            Completion(start, len(typed), f"{name}:", help)
            for name, help in KEYS.items() if name.startswith(key.lower())
        ]  # fmt: skip
    key = _SHORT.get(key.lower(), key.lower())
    value = value.rpartition(",")[2].lower()
    return [
        Completion(len(typed) - len(value), len(typed), one, KEYS[key])
        for one in _values(key, board) if one.lower().startswith(value) and one.lower() != value
    ][:50]  # fmt: skip


def _values(key: str, board: Board) -> list[str]:
    nodes = board.nodes.values()
    if key == "name":
        return list(board.nodes)
    if key == "state":
        return [standing.value.split()[0] for standing in Standing]
    if key == "partition":
        return list(board.partitions)
    if key == "feature":
        return sorted({one for node in nodes for one in node.features.split(",") if one})
    if key == "gpu":
        types = {part.partition(":")[0] for node in nodes for part in node.gpu_types.split(",")}
        return [*sorted(types - {""}), "any", "none"]
    return []
