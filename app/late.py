"""Objects that are made when they are first used: the first rows come before what they import."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

Thing = TypeVar("Thing")


class _Late:
    def __init__(self, make: Callable[[], Any]) -> None:
        self.__dict__["_make"] = make

    def __getattr__(self, name: str) -> Any:
        made = self.__dict__.get("_made")
        if made is None:
            made = self.__dict__["_made"] = self.__dict__["_make"]()
        return getattr(made, name)


def late(make: Callable[[], Thing]) -> Thing:
    """Stands for the thing, which is made at the first look at one of its attributes."""
    return cast(Thing, _Late(make))
