"""A batch script with other ``#SBATCH`` options, and every other byte as it was.

One option is changed at a time, and the script is read again after each: a change that does not
read back as what was asked for is never handed out.
"""

import difflib
from collections.abc import Mapping
from typing import Any

from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.domain.text import sanitize
from jobshape.app.domain.units import MIB
from jobshape.app.scripts.directives import MAGIC, SEPARATORS, BatchScript, Directive, read_script
from jobshape.app.scripts.options import BLANKS, NONE, REQUIRED, TAKES, Word, cut_words, quoted
from jobshape.app.scripts.shape import (
    GPU_OPTIONS,
    MEMORY_OPTIONS,
    count,
    is_gpu,
    node_range,
    option_value,
    shape_of,
)

_EXCLUDE_EACH_OTHER = (
    MEMORY_OPTIONS, ("cpus-per-task", "cpus-per-gpu"), ("requeue", "no-requeue"),
    ("exclusive", "oversubscribe"),
)  # fmt: skip
_HINT = "change this line by hand"


def with_shape(text: str, shape: JobShape, *, group: int = 0) -> str:
    """The script, asking for this shape; what the shape does not say stays as it is.

    The memory and the GPUs of the old script are a node's figures, too, where they can be computed:
    so they hold when nodes, tasks or CPUs change. The other components of a heterogeneous job keep
    their shape. Raises BadRequest where the script cannot be changed for sure.
    """
    behind = [_shape(text, other) for other in range(group + 1, read_script(text).groups)]
    text = _one_with_shape(text, shape, group)
    for other, before in enumerate(behind, group + 1):
        if _shape(text, other) != before:  # it took something over, as components do
            text = _one_with_shape(text, before, other)
        if _shape(text, other) != before:
            raise BadRequest(
                f"component {other} of the heterogeneous job would change as well",
                where=_place(read_script(text), other), hint="say there what it asks for",
            )  # fmt: skip
    return text


def _one_with_shape(text: str, shape: JobShape, group: int) -> str:
    old = _shape(text, group)
    wanted = shape.over(old)
    asked = [name for name, value in shape.said() if not _same(name, value, getattr(old, name))]
    # Memory last: it may be computed from what is changed before it.
    order = sorted(asked, key=lambda name: ("gpus", "memory_bytes").index(name)
                   if name in ("gpus", "memory_bytes") else -1)  # fmt: skip
    for name in order:
        text = _with_field(text, group, name, getattr(wanted, name))
    for name in ("gpus", "memory_bytes"):  # what followed from the fields that changed
        value = getattr(wanted, name)
        if (
            asked
            and value is not None
            and not _same(name, value, getattr(_shape(text, group), name))
        ):
            text = _with_field(text, group, name, value)
    now = _shape(text, group)
    for name, value in wanted.said():
        if not _same(name, value, getattr(now, name)):
            raise BadRequest(
                f"the script cannot be made to say {FIELD_OF[name].title.lower()} {value}",
                where=_place(read_script(text), group), hint="change it by hand",
            )  # fmt: skip
    return text


def with_options(text: str, options: Mapping[str, str | None], *, group: int = 0) -> str:
    """The script with these options, by long name; None takes one out, "" is one without a value.

    Options that sbatch refuses beside a new one (--mem-per-cpu beside --mem) are replaced by it.
    Raises BadRequest where that cannot be done for sure.
    """
    for name, value in options.items():
        if name not in TAKES:
            raise BadRequest(f"unrecognized option '--{name}'", hint="see sbatch(1)")
        if value is None:
            text = _without(text, group, name)
            continue
        rivals = [one for family in _EXCLUDE_EACH_OTHER if name in family for one in family]
        text = _with_option(text, group, name, value, rivals)
    return text


def with_components(text: str, count: int) -> str:
    """The script with at least so many components: ``#SBATCH hetjob`` lines behind its last one.

    Raises BadRequest where the script has no first line with ``#!``.
    """
    while (script := read_script(text)).groups < count:
        text = _with_line(text, script.group_lines[-1] or 1, f"{MAGIC[0]} {SEPARATORS[0]}")
        if read_script(text).groups != script.groups + 1:
            raise BadRequest("no component can be added to the script for sure", hint=_HINT)
    return text


def diff(old: str, new: str, path: str = "script") -> list[str]:
    """A unified diff of two versions, line by line, without line ends; [] if nothing differs."""
    if old == new:
        return []
    lines = difflib.unified_diff(
        old.split("\n"), new.split("\n"), f"{path} (now)", f"{path} (new)", lineterm=""
    )
    return [sanitize(line.removesuffix("\r")) for line in lines]


def _shape(text: str, group: int) -> JobShape:
    script = read_script(text)
    if not 0 <= group < script.groups:
        raise BadRequest(f"the script has no component {group} of a heterogeneous job",
                         hint=f"its components are 0 to {script.groups - 1}")  # fmt: skip
    return shape_of(script.options(group))[0]


def _same(field: str, one: Any, other: Any) -> bool:
    """Whether two values of a field are written alike: sizes count in whole MiB."""
    if field != "memory_bytes" or one is None or other is None:
        return bool(one == other)
    return bool(-(-one // MIB) == -(-other // MIB))


def _with_field(text: str, group: int, field: str, value: Any) -> str:
    name, written = FIELD_OF[field].option, option_value(field, value)
    options = read_script(text).options(group)
    rivals: list[str] = []
    if field == "memory_bytes":
        rivals = list(MEMORY_OPTIONS)
    elif field == "cpus_per_task":
        rivals = ["cpus-per-gpu"]
    elif field == "nodes":
        written = _nodes(options.get("nodes", ""), value)
    elif field == "tasks" and _too_few_a_node(options, value):
        rivals = ["ntasks-per-node"]
    elif field == "gpus":
        return _with_gpus(text, group, options, value)
    return _with_option(text, group, name, written, rivals)


def _nodes(now: str, nodes: int) -> str:
    """The same most of "2-8" beside the new least, if it can stay."""
    try:
        least, most = node_range(now)
    except ValueError:
        return str(nodes)
    stays = most is not None and most > least and most > nodes
    return f"{nodes}-{now.partition('-')[2]}" if stays else str(nodes)


def _too_few_a_node(options: Mapping[str, str], tasks: int) -> bool:
    """Whether --ntasks-per-node has no room for so many tasks, or cannot be read."""
    if "ntasks-per-node" not in options:
        return False
    try:
        most = node_range(options["nodes"])[1] if "nodes" in options else None
        return most is not None and count(options["ntasks-per-node"]) * most < tasks
    except ValueError:
        return True


def _with_gpus(text: str, group: int, options: Mapping[str, str], gpus: str) -> str:
    for name in ("tres-per-task", "tres-per-node", "tres-per-job", "tres-per-socket"):
        if "gpu" in options.get(name, ""):
            raise BadRequest(f"--{name} asks for GPUs as well", hint=f"take --{name} out first",
                             where=_place(read_script(text), group, name))  # fmt: skip
    rivals = [name for name in GPU_OPTIONS if name != "gres"]
    parts = [part for part in options.get("gres", "").split(",") if part.strip()]
    if "gpus-per-node" in options and not any(map(is_gpu, parts)):
        rivals = [name for name in rivals if name != "gpus-per-node"]
        return _with_option(text, group, "gpus-per-node", gpus.removeprefix("gpu:"), rivals)
    new = [part for part in parts if not is_gpu(part)]
    place = next((at for at, part in enumerate(parts) if is_gpu(part)), len(parts))
    new.insert(place, option_value("gpus", gpus))
    return _with_option(text, group, "gres", ",".join(new), rivals)


def _with_option(text: str, group: int, name: str, value: str, rivals: list[str]) -> str:
    """The option with that value: where it is, else in place of a rival, else as a new line."""
    _check_value(name, value)
    found = _uses(text, group, [name, *rivals])
    own = [one for one in found if one.option == name]
    if own and own[-1].value == value and own[-1].given is (value != ""):
        kept = own[-1]
    elif found:
        kept = own[-1] if own else found[-1]
        text = _rewritten(text, kept, name, value)
    else:
        return _checked(_inserted(text, group, name, value), group, name, value)
    if any(one.option != name for one in found):
        for rival in rivals:
            if rival != name:
                text = _without(text, group, rival)
    return _checked(text, group, name, value)


def _without(text: str, group: int, name: str) -> str:
    """No such option in that component any more."""
    while found := _uses(text, group, [name]):
        new = _cut_out(text, found[-1])
        if len(_uses(new, group, [name])) != len(found) - 1:
            raise _unsure(text, found[-1])
        text = new
    return text


def _uses(text: str, group: int, names: list[str]) -> list[Directive]:
    return [one for one in read_script(text).directives
            if one.group == group and one.option in names]  # fmt: skip


def _rewritten(text: str, old: Directive, name: str, value: str) -> str:
    """The option's words with another value, or another option in their place."""
    if old.split:
        raise _unsure(text, old)
    lines = text.split("\n")
    line = lines[old.line - 1]
    tries: list[str] = []
    if old.option == name and old.value_columns and value:
        start, end = old.value_columns
        raw = line[start:end]
        quote = raw[0] if len(raw) > 1 and raw[0] == raw[-1] and raw[0] in "\"'" else ""
        if quote and quote not in value and "\\" not in value:
            tries.append(line[:start] + quote + value + quote + line[end:])
        tries += [line[:start] + quoted(value) + line[end:], line[:start] + value + line[end:]]
        if raw[-1:] in ("'", '"'):  # the quote that the whole word ends with
            tries.append(line[:start] + value + line[end - 1 :])
    if not old.shares_word:
        start, end = old.columns
        tries.append(line[:start] + _word(name, value) + line[end:])
    for new in tries:
        lines[old.line - 1] = new
        if _reads_so(text, "\n".join(lines), old, name, value):
            return "\n".join(lines)
    if old.shares_word:  # -HJ name: the letter is taken out, the option put behind the word
        word = next(one for one in _words(line) if old.columns[0] < one.end)
        starts = range(word.start, word.end)
        behind = max(one.columns[1] for one in read_script(text).directives
                     if one.line == old.line and one.columns[0] in starts)  # fmt: skip
        end = behind - (old.columns[1] - old.columns[0])
        rest = _cut_out(text, old).split("\n")
        cut = rest[old.line - 1]
        rest[old.line - 1] = f"{cut[:end]} {_word(name, value)}{cut[end:]}"
        if _reads_so(text, "\n".join(rest), old, name, value):
            return "\n".join(rest)
    raise _unsure(text, old)


def _reads_so(text: str, new: str, old: Directive, name: str, value: str) -> bool:
    """Whether just that one directive of the script is another now."""
    before = [one[1:5] for one in read_script(text).directives]
    after = [one[1:5] for one in read_script(new).directives]
    place = before.index(old[1:5]) if before.count(old[1:5]) == 1 else None
    wanted = (old.group, name, value, value != "" or TAKES[name] == REQUIRED)
    if place is not None:
        before[place] = wanted
        if before == after:
            return True
    if place is None or old.shares_word:
        before = [one[1:5] for one in read_script(text).directives]
        before.remove(old[1:5])
        before.append(wanted)
        return sorted(before) == sorted(after)
    return False


def _cut_out(text: str, old: Directive) -> str:
    """The script without an option's words, and without their line if nothing else stands there."""
    if old.split:
        raise _unsure(text, old)
    lines = text.split("\n")
    line = lines[old.line - 1]
    start, end = old.columns
    if not old.shares_word and all(start <= word.start < end for word in _words(line)):
        if old.line == len(lines):  # it has no line end, and the one before it keeps its own
            return "\n".join([*lines[:-1], ""])
        return "\n".join(lines[: old.line - 1] + lines[old.line :])
    if not old.shares_word:
        while start and line[start - 1] in BLANKS and line[end : end + 1] in (*BLANKS, ""):
            start -= 1
            if line[start - 1] not in BLANKS:
                break
    lines[old.line - 1] = line[:start] + line[end:]
    return "\n".join(lines)


def _words(line: str) -> tuple[Word, ...]:
    return cut_words(line, len(MAGIC[not line.startswith(MAGIC[0])])).words


def _inserted(text: str, group: int, name: str, value: str) -> str:
    """A new line behind the component's last one, else behind the first line."""
    after = read_script(text).group_lines[group] or 1
    return _with_line(text, after, f"{MAGIC[0]} {_word(name, value)}")


def _with_line(text: str, after: int, new: str) -> str:
    """A new line behind that one, with line ends as they are there."""
    lines = text.split("\n")
    if not text.startswith("#!"):
        raise BadRequest("the first line does not start with #!", where="line 1",
                         hint="a batch script starts so: #!/bin/bash")  # fmt: skip
    neighbour = lines[after - 1]
    end = "\r" if neighbour.endswith("\r") else ""
    if after == len(lines) and not end and "\r\n" in text:
        lines[after - 1] += "\r"
        lines.insert(after, new)
        return "\n".join(lines)
    lines.insert(after, f"{new}{end}")
    return "\n".join(lines)


def _word(name: str, value: str) -> str:
    if not value and TAKES[name] != REQUIRED:
        return f"--{name}"
    return f"--{name}={quoted(value) if value else ''}"


def _check_value(name: str, value: str) -> None:
    if any(ord(letter) < 32 or letter == "\x7f" for letter in value):
        raise BadRequest("a control character cannot stand in an #SBATCH line",
                         where=f"--{name}={sanitize(value)}")  # fmt: skip
    if value and TAKES[name] == NONE:
        raise BadRequest(f"option '--{name}' doesn't allow an argument", where=f"--{name}={value}")


def _checked(text: str, group: int, name: str, value: str) -> str:
    script = read_script(text)
    if script.options(group).get(name) != value:
        raise BadRequest(f"--{name}={value} cannot be written into the script for sure",
                         where=_place(script, group, name), hint=_HINT)  # fmt: skip
    return text


def _place(script: BatchScript, group: int, name: str = "") -> str:
    lines = [one.line for one in script.directives if one.group == group and one.option == name]
    line = lines[-1] if lines else script.group_lines[group] or 1
    return f"line {line} of the script"


def _unsure(text: str, old: Directive) -> BadRequest:
    line = text.split("\n")[old.line - 1].strip()
    return BadRequest(f"--{old.option} cannot be changed for sure: {sanitize(line[:120])}",
                      where=f"line {old.line} of the script", hint=_HINT)  # fmt: skip
