"""A stage rule put into a TOML text: everything that stands there stays, byte by byte."""

import json
import re
import tomllib
from collections.abc import Mapping

from jobshape.app.settings.toml_lines import Key, spans_of

_RULES: Key = ("stage_rules",)
_REST_OF_LINE = re.compile(r"[ \t]*(,)?[ \t]*(?:#[^\n]*)?\r?\n")


def rule_lines(rule: Mapping[str, str], newline: str = "\n") -> str:
    """The rule as a table of its own."""
    pairs = "".join(f"{name} = {toml_text(value)}{newline}" for name, value in rule.items())
    return f"[[stage_rules]]{newline}{pairs}"


def toml_text(text: str) -> str:
    r"""A text as TOML writes it: a pattern in '...', where ``\`` needs no second one."""
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def with_rule(text: str, rule: Mapping[str, str]) -> str:
    """The text with the rule behind all its other rules, so that each of those goes first.

    Raises tomllib.TOMLDecodeError for a text that is none, ValueError where there is no place.
    """
    rules = tomllib.loads(text).get("stage_rules", [])
    newline = "\r\n" if "\r\n" in text else "\n"
    spans = spans_of(text)
    if _RULES in spans:
        return _into_array(text, rule, spans, len(rules), newline)
    ends = [end for key, (_, end) in spans.items() if key[:1] == _RULES]
    at = _line_end(text, max(ends)) if ends else len(text)
    before, after = text[:at], text[at:]
    if before and not before.endswith("\n"):
        before += newline
    gap = newline if before.strip() and not before.endswith(("\n\n", "\r\n\r\n")) else ""
    gap_after = newline if after.strip() and not after.startswith(("\n", "\r\n")) else ""
    return f"{before}{gap}{rule_lines(rule, newline)}{gap_after}{after}"


def _into_array(
    text: str,
    rule: Mapping[str, str],
    spans: Mapping[Key, tuple[int, int]],
    count: int,
    newline: str,
) -> str:
    """Into ``stage_rules = [ ... ]``: one line more where each has its line, else beside them."""
    pairs = ", ".join(f"{name} = {toml_text(value)}" for name, value in rule.items())
    element = f"{{ {pairs} }}"
    if not count:
        at = spans[_RULES][0] + 1
        return f"{text[:at]}{element}{text[at:]}"
    start, end = spans[(*_RULES, count - 1)]
    rest = _REST_OF_LINE.match(text, end)
    if rest is None:
        return f"{text[:end]}, {element}{text[end:]}"
    indent = re.match(r"[ \t]*", text[text.rfind("\n", 0, start) + 1 :])
    comma, last = ("", ",") if rest[1] else (",", "")
    line = f"{indent[0] if indent else ''}{element}{last}{newline}"
    return f"{text[:end]}{comma}{text[end : rest.end()]}{line}{text[rest.end() :]}"


def _line_end(text: str, at: int) -> int:
    """Where the line ends in which a place is."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1
