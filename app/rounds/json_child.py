"""Ways into a JSON document; as a program, the values of a large one in a process of its own.

Started as a file, without the package, so it is there in a few milliseconds. The document is its
standard input, the ways its arguments; it writes ``{"found"}`` or ``{"trouble"}``.
"""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

_PLACE = re.compile(r"-?[0-9]{1,9}")


def values_at(document: Any, ways: Sequence[str]) -> list[list[Any]]:
    """For each way like ``eval.scores.0`` the value it leads to, in a list; if none, an empty one.

    -1 is a list's last. A name may have dots of its own: ``a.b`` finds b in a, else the name "a.b".
    """
    return [_found(document, way.split(".")) for way in ways]


def _found(value: Any, parts: list[str]) -> list[Any]:
    if not parts:
        return [value]
    if isinstance(value, list):
        if _PLACE.fullmatch(parts[0]) and -len(value) <= int(parts[0]) < len(value):
            return _found(value[int(parts[0])], parts[1:])
    elif isinstance(value, dict):
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if name in value and (found := _found(value[name], parts[end:])):
                return found
    return []


def _hull(value: Any) -> Any:
    """What is looked at of a value: of mappings and lists, that they are."""
    return type(value)() if isinstance(value, dict | list) else value


def main() -> None:
    """Answers one question."""
    try:
        found = values_at(json.load(sys.stdin.buffer), sys.argv[1:])
    except (ValueError, RecursionError) as error:
        json.dump({"trouble": str(error)[:200]}, sys.stdout)
    else:
        json.dump({"found": [[_hull(one) for one in values] for values in found]}, sys.stdout)


if __name__ == "__main__":
    main()
