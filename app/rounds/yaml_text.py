"""YAML as plain values with the place of each; bounded, without tags, every scalar as its text.

Built on ruamel.yaml's nodes, not its objects: nothing of a file can make an object of ours.
"""

import warnings
from dataclasses import dataclass, field
from typing import Any

from jobshape.app.domain.text import sanitize

MOST_BYTES = 512 * 1024
MOST_NODES = 50_000
"""Values a manifest may have, each use of an anchor counted as if it were written out."""

MOST_DEPTH = 40

Key = tuple[str | int, ...]
"""A way into the document: ("phases", 0, "grid")."""

_TAG = "tag:yaml.org,2002:"
_TAGS = frozenset(
    _TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")
)
_NULL, _MERGE, _MAP, _SEQ = (_TAG + name for name in ("null", "merge", "map", "seq"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands in a text: line and column from 1, and letters from 0."""

    line: int
    column: int
    start: int
    end: int


class Problem(Exception):
    """One thing wrong with a manifest: where in it, in words, and what to do."""

    def __init__(
        self, what: str, *, key: Key = (), place: Place | None = None, hint: str = ""
    ) -> None:
        super().__init__(what)
        self.what, self.key, self.place, self.hint = what, key, place, hint


@dataclass(slots=True)
class Document:
    """A text's values: dicts, lists, texts and None; and where they stand.

    places: of values; names: of the keys they are under; flow: mappings written in braces.
    """

    values: Any
    places: dict[Key, Place] = field(default_factory=dict)
    names: dict[Key, Place] = field(default_factory=dict)
    flow: set[Key] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def read_yaml(text: str) -> Document:
    """The values of a YAML text. Raises Problem where it is none, or none we take."""
    node = _compose(text)
    reader = _Reader()
    if node is not None:
        reader.document.values = reader.value(node, (), 0, ())
    return reader.document


def _compose(text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an anchor used again is YAML, too
            return YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place_of(mark, mark) if mark is not None else None
        what = " ".join(filter(None, (error.context, error.problem))) or "cannot be understood"
        raise Problem(f"is no YAML: {sanitize(what)}", place=place) from error
    except RecursionError as error:
        raise Problem("is nested too deeply") from error
    except YAMLError as error:
        raise Problem(f"is no YAML: {sanitize(str(error).splitlines()[0])}") from error
    except Exception as error:  # ruamel meets odd texts with whatever breaks first
        raise Problem(f"is no YAML: {sanitize(str(error))[:200]}") from error


def _place_of(start: Any, end: Any) -> Place:
    return Place(start.line + 1, start.column + 1, start.index, end.index)


class _Reader:
    def __init__(self) -> None:
        self.document = Document(None)
        self._count = 0

    def value(self, node: Any, key: Key, depth: int, above: tuple[int, ...]) -> Any:
        from ruamel.yaml.nodes import MappingNode, ScalarNode

        place = _place_of(node.start_mark, node.end_mark)
        self._count += 1
        if self._count > MOST_NODES:
            what = f"has more than {MOST_NODES:,} values, uses of anchors counted"
            raise Problem(what, key=key, place=place, hint="a grid says the same in less")
        if id(node) in above:
            raise Problem("holds itself: the anchor is used inside it", key=key, place=place)
        if depth > MOST_DEPTH:
            raise Problem("is nested too deeply", key=key, place=place)
        self.document.places[key] = place
        if isinstance(node, ScalarNode):
            return self._scalar(node, key, place)
        above = (*above, id(node))
        if isinstance(node, MappingNode):
            self._check_tag(node, _MAP, key, place)
            if node.flow_style:
                self.document.flow.add(key)
            return self._mapping(node, key, depth, above)
        self._check_tag(node, _SEQ, key, place)
        return [
            self.value(item, (*key, at), depth + 1, above) for at, item in enumerate(node.value)
        ]

    def _scalar(self, node: Any, key: Key, place: Place) -> str | None:
        if node.tag not in _TAGS:
            self._refuse_tag(node, key, place)
        return None if node.tag == _NULL and not node.style else str(node.value)

    def _check_tag(self, node: Any, expected: str, key: Key, place: Place) -> None:
        if node.tag != expected:
            self._refuse_tag(node, key, place)

    def _refuse_tag(self, node: Any, key: Key, place: Place) -> None:
        tag = sanitize(str(node.tag)).replace(_TAG, "!!")
        self._problem(f"has the tag {tag}, which a manifest does not take", key, place)

    def _problem(self, what: str, key: Key, place: Place, hint: str = "") -> None:
        self.document.problems.append(Problem(what, key=key, place=place, hint=hint))

    def _mapping(self, node: Any, key: Key, depth: int, above: tuple[int, ...]) -> dict[str, Any]:
        from ruamel.yaml.nodes import ScalarNode

        made: dict[str, Any] = {}
        merged: list[Any] = []
        for name_node, value_node in node.value:
            place = _place_of(name_node.start_mark, name_node.end_mark)
            if not isinstance(name_node, ScalarNode) or name_node.tag not in _TAGS:
                self._problem("has a name that is no text", key, place)
                continue
            if name_node.tag == _MERGE:
                merged.append(value_node)
                continue
            name = str(name_node.value)
            here = (*key, name)
            if name in made:
                first = self.document.names[here].line
                self._problem(f"stands here twice, first in line {first}", here, place)
                continue
            self.document.names[here] = place
            made[name] = self.value(value_node, here, depth + 1, above)
        for value_node in merged:
            self._merge(made, value_node, key, depth, above)
        return made

    def _merge(
        self, made: dict[str, Any], node: Any, key: Key, depth: int, above: tuple[int, ...]
    ) -> None:
        """``<<``: what the mapping does not say itself comes from others, the first that does."""
        from ruamel.yaml.nodes import MappingNode, SequenceNode

        for other in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(other, MappingNode):
                place = _place_of(other.start_mark, other.end_mark)
                self._problem("`<<` takes a mapping, or a list of them", key, place)
                continue
            inner = _Reader()
            inner._count = self._count
            values = inner.value(other, (), depth + 1, above)
            self._count = inner._count
            self.document.problems += inner.document.problems
            found = inner.document
            for name, value in values.items():
                if name in made:
                    continue
                made[name] = value
                for ways, own in ((found.places, self.document.places),
                                  (found.names, self.document.names)):  # fmt: skip
                    own.update({(*key, *w): p for w, p in ways.items() if w[:1] == (name,)})
                self.document.flow.update((*key, *w) for w in found.flow if w[:1] == (name,))
