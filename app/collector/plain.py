"""Typed values to JSON values and back, by their annotations: arguments and results of actions."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


def to_plain(value: Any) -> Any:
    """A value of dataclasses, named tuples, enums and containers as JSON knows them."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: Any, value: Any) -> Any:
    """The typed value again. Raises TypeError, KeyError or ValueError where it does not fit."""
    origin = get_origin(kind)
    if kind is Any:
        return value
    if origin in (Union, UnionType):
        return _from_union(get_args(kind), value)
    if origin in (list, Sequence):
        return [from_plain(get_args(kind)[0], item) for item in _a(list, value)]
    if origin is tuple:
        return _from_tuple(get_args(kind), _a(list, value))
    if origin in (dict, Mapping):
        of = get_args(kind)[1]
        return {key: from_plain(of, item) for key, item in _a(dict, value).items()}
    if isinstance(kind, type):
        return _from_class(kind, value)
    raise TypeError(f"cannot build {kind!r}")


def _from_class(kind: type, value: Any) -> Any:
    if kind is NoneType:
        return None
    if issubclass(kind, Enum):
        return kind(value)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: from_plain(hints[name], v) for name, v in _a(dict, value).items()})
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints = get_type_hints(kind)
        return kind(*map(from_plain, hints.values(), _a(list, value)))
    if kind is bytes:
        return base64.b64decode(_a(str, value), validate=True)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return _a(kind, value)


def _from_union(kinds: tuple[Any, ...], value: Any) -> Any:
    if value is None and NoneType in kinds:
        return None
    for kind in kinds:
        if kind is not NoneType:
            try:
                return from_plain(kind, value)
            except (TypeError, ValueError, KeyError):
                continue
    raise TypeError(f"{value!r} is none of {kinds}")


def _from_tuple(kinds: tuple[Any, ...], value: list[Any]) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(from_plain(kinds[0], item) for item in value)
    if len(kinds) != len(value):
        raise TypeError(f"{len(value)} items, not {len(kinds)}")
    return tuple(map(from_plain, kinds, value))


def _a(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
