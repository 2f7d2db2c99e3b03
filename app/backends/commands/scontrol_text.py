"""The text of ``scontrol show``: records of ``Key=Value`` words on indented lines."""

import re
from collections.abc import Iterable

_WHOLE_LINE = frozenset(
    ("OS", "Reason", "Comment", "Extra", "JobName", "Command", "WorkDir", "StdErr", "StdIn",
     "StdOut", "AdminComment", "SystemComment", "SubmitLine")
)  # fmt: skip
"""Keys whose value is the rest of the line, spaces and all."""

_WORD = re.compile(r"(?:^| )([A-Za-z][A-Za-z_:/]*)=")
NOTHING = frozenset(("", "(null)", "N/A", "n/a", "None", "Unknown", "n/s", "NONE"))


def cut_records(text: str, first_key: str) -> list[str]:
    """The records of a text, each of which starts a line with ``first_key=``."""
    starts = [match.start() for match in re.finditer(rf"^{first_key}=", text, re.MULTILINE)]
    ends = [*starts[1:], len(text)][: len(starts)]
    return [text[a:b] for a, b in zip(starts, ends, strict=True)]


def read_fields(record: str) -> dict[str, str]:
    """Key -> value of one record, in its order."""
    fields: dict[str, str] = {}
    for line in record.split("\n"):
        fields.update(_read_line(line.strip()))
    return fields


def _read_line(line: str) -> Iterable[tuple[str, str]]:
    matches = list(_WORD.finditer(line))
    for number, match in enumerate(matches):
        key = match.group(1)
        if key in _WHOLE_LINE and (number == 0 or key == "JobName"):
            yield key, line[match.end() :]
            return
        end = matches[number + 1].start() if number + 1 < len(matches) else len(line)
        yield key, line[match.end() : end].strip()


def said(value: str | None) -> str:
    """The value, or "" where Slurm's word for nothing stands."""
    return "" if value is None or value in NOTHING else value
