"""A manifest made out of one script: one stage, one phase, one job. Nothing is written."""

import json
import re
from collections.abc import Sequence
from pathlib import PurePath

from jobshape.app.domain.entry import show_entry
from jobshape.app.domain.shape import FIELD_OF, JobShape

SHAPE_WORDS = {
    "partition": "partition", "account": "account", "qos": "qos", "nodes": "nodes",
    "tasks": "tasks", "cpus_per_task": "cpus", "memory_bytes": "memory", "gpus": "gpus",
    "time_limit_s": "time", "features": "constraint", "exclude_nodes": "exclude",
}  # fmt: skip
"""Fields of JobShape -> their names in a manifest; an array is made, not written."""

_LONGEST_NAME = 60
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


def manifest_of_script(
    script: str, *, name: str = "", arguments: Sequence[str] = (), shape: JobShape | None = None
) -> str:
    """The text of a manifest that runs this script once, after a smoke.

    script: its path, beside which relative paths begin; name: of the job, the script's if empty.
    shape: what the job asks for beside the script's own ``#SBATCH`` lines.
    """
    path = PurePath(script)
    called = name_from(name or path.stem)
    words = ", ".join(_quoted(word.replace("${", "$${")) for word in arguments)
    said = ", ".join(
        f"{SHAPE_WORDS[field]}: {_quoted(show_entry(FIELD_OF[field].kind, value))}"
        for field, value in (shape or JobShape()).said()
        if field in SHAPE_WORDS
    )
    return "\n".join([
        f"# {json.dumps(path.name)}, run in rounds: smoke first",
        f"project: {_quoted(called)}",
        "stages:",
        f"  - name: {_quoted(called)}",
        f"    script: {_quoted(path.name)}",
        f"    shape: {{{said}}}",
        "phases:",
        f"  - name: {_quoted(called)}",
        f"    stage: {_quoted(called)}",
        "    jobs:",
        f"      - {{id: {_quoted(called)}, args: [{words}]}}",
        "",
    ])  # fmt: skip


def name_from(text: str) -> str:
    """A name as a manifest takes it, as like the text as can be."""
    made = _NOT_IN_NAMES.sub("-", text).strip("-._")
    return made[:_LONGEST_NAME].rstrip("-._") or "job"


def _quoted(text: str) -> str:
    """A YAML text in double quotes; all that is not printable is escaped."""
    return '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    return f"\\U{ord(letter):08x}"
