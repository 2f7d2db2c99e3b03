"""``jobshape config``: which settings hold, where each comes from, and a file to start with."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from jobshape.app.domain.errors import ConfigError
from jobshape.app.domain.text import sanitize
from jobshape.app.settings.folders import config_folder, write_private
from jobshape.app.settings.load import CONFIG_NAME
from jobshape.app.settings.values import Loaded, StageRule, declared, value_of
from jobshape.app.text_table import lay_out


def path() -> Path:
    """The person's settings file, whether it is there or not."""
    return config_folder() / CONFIG_NAME


def report(loaded: Loaded) -> Iterator[str]:
    """Every setting with its value and its origin, and the files looked for."""
    rows = []
    for item in declared():
        value = value_of(loaded.settings, item.name)
        origin = loaded.origins[item.name]
        if item.name == "stage_rules" and value:
            places = origin.split(", ")
            rows += [
                (f"stage_rules[{n}]", sanitize(as_toml(asdict(rule))), place)
                for n, (rule, place) in enumerate(zip(value, places, strict=True), 1)
            ]
        else:
            rows.append((item.name, sanitize(as_toml(value)), origin))
    yield from lay_out([("setting", "left"), ("value", "left"), ("from", "left")], rows)
    yield ""
    for place in loaded.searched:
        yield f"{'read' if place in loaded.files else 'not there'}: {sanitize(str(place))}"


def as_toml(value: Any) -> str:
    """A value as people write it in the file; an empty text in a table is left out."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {as_toml(v)}" for k, v in value.items() if v != "") + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _quoted(text: str) -> str:
    if text.isprintable() and "'" not in text and ("\\" in text or '"' in text):
        return f"'{text}'"  # patterns stay as they were written
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'


def template() -> str:
    """A settings file with every setting as a comment: its default and what it is for."""
    lines = ["# Settings of jobshape. Take the # off a line to change it.", ""]
    section = ""
    for item in declared():
        holder, _, leaf = item.name.rpartition(".")
        if holder != section:
            lines += [f"[{holder}]"]
            section = holder
        lines += [f"# {item.metadata['help']}"]
        choices = f"  # or ${item.metadata['environment']}" if item.metadata["environment"] else ""
        lines += [f"# {leaf} = {as_toml(item.default)}{choices}", ""]
        if item.name == "stage_rules":
            lines[-2:] = ["# [[stage_rules]]", *_rule_template(), ""]
    return "\n".join(lines).rstrip() + "\n"


_RULE_EXAMPLES = {
    "stage": "training",
    "name": "^train_",
    "comment": "",
    "work_dir": "/projects/[^/]+/training",
    "partition": "^gpu",
}


def _rule_template() -> list[str]:
    return [
        f"# {item.name} = {as_toml(_RULE_EXAMPLES[item.name])}  # {item.metadata['help']}"
        for item in fields(StageRule)
    ]


def edit() -> None:
    """Open the settings file in the person's editor, made from the template if it is not there."""
    file = path()
    try:
        if not file.exists():
            write_private(file, template())
    except OSError as error:
        hint = "set JOBSHAPE_CONFIG_DIR to a folder you can write"
        raise ConfigError(
            f"cannot be made: {error.strerror}", where=str(file), hint=hint
        ) from error
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        words = shlex.split(editor)
        if not words or shutil.which(words[0]) is None:
            raise ValueError("it is not on PATH")
        subprocess.run([*words, str(file)], check=False)
    except (ValueError, OSError) as error:
        raise ConfigError(
            f"the editor {editor!r} cannot be started: {error}",
            hint=f"set EDITOR, or edit {file} yourself",
        ) from error
