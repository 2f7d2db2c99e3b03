"""One submission for jobs that differ in their words: an array whose script holds them all.

The script is complete in itself, so what ran can be read in the script store and sent again. Words
are quoted for the shell. A stage's own script is embedded and read by its own interpreter from file
descriptor 3, so that its arguments, exit code and signals are its own.
"""

import re
import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.domain.text import sanitize
from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.hashes import text_hash

KEY_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
KEY_LENGTH = 10
MOST_SCRIPT_BYTES = 3 * 1024 * 1024
"""Slurm takes 4 MB by default (MaxBatchScriptSize; before 24.05 max_script_size)."""

LOG_FOLDER = "jobshape-logs"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_OR_SPECIAL = re.compile(r"[\x00-\x1f\x7f'\\]")
_KEY = re.compile(rf" key=([a-z0-9]{{{KEY_LENGTH}}})$")


@dataclass(frozen=True, slots=True)
class Run:
    """What one task runs. words: of the command with its arguments; of a script, its arguments."""

    words: tuple[str, ...]
    shape: JobShape
    script: str = ""  # the text of the stage's script; "": it is a command
    variables: Mapping[str, str] = field(default_factory=dict)


def new_key() -> str:
    """A key unlike any other."""
    return "".join(secrets.choice(KEY_LETTERS) for _ in range(KEY_LENGTH))


def comment_of(project: str, stage: str, key: str) -> str:
    """The comment of a job: from it its stage is known, and a sending is found again."""
    return f"jobshape:{project}/{stage} key={key}"


def key_of(comment: str) -> str:
    """The key that a comment tells; "" where it is none of ours."""
    match = _KEY.search(comment)
    return match[1] if match and comment.startswith("jobshape:") else ""


def job_name(project: str, phase: str, key: str) -> str:
    """The name of a job: unlike any other too, for sites that keep no comments."""
    return f"{sanitize(project)[:40]}-{sanitize(phase)[:40]}-{key}"


def fits(runs: Sequence[Run]) -> int:
    """How many of these, from the first on, fit into one script; at least one."""
    size = _bytes(runs[0].script) + 4096
    for count, run in enumerate(runs):
        size += 32 + sum(_bytes(line) + 1 for line in _setting(run))
        if size > MOST_SCRIPT_BYTES:
            return max(1, count)
    return len(runs)


def submission(
    runs: Sequence[Run], *, name: str, comment: str, folder: str, at_once: int | None = None,
    after: Sequence[int] = (), command: tuple[str, ...] = (),
) -> SubmitRequest:  # fmt: skip
    """The request that sends these; of one, a single job. All have the same script and shape.

    after: jobs that have to succeed before. folder: where it runs, and where its log goes unless
    the script says so itself. Raises BadRequest for what cannot be one script.
    """
    first = runs[0]
    _check(runs)
    shape = {name: getattr(first.shape, name) for name in FIELD_OF if name != "array"}
    percent = f"%{at_once}" if at_once and at_once < len(runs) else ""
    own = read_script(first.script).options() if first.script else {}
    is_array = len(runs) > 1
    log = f"{folder}/{LOG_FOLDER}/{name}-{'%A_%a' if is_array else '%j'}.log"
    is_plain = bool(first.script) and not is_array and not first.variables
    return SubmitRequest(
        first.script if is_plain else script_of(runs),
        arguments=first.words if is_plain else (),
        name=name,
        comment=comment,
        work_dir=folder,
        array=f"0-{len(runs) - 1}{percent}" if is_array else None,
        stdout=None if "%" in folder or _parts(own.get("output", ""), is_array) else log,
        stderr=log if own.get("error") and not _parts(own["error"], is_array) else None,
        dependency=f"afterok:{':'.join(map(str, after))}" if after else None,
        command=command,
        **shape,
    )


def _check(runs: Sequence[Run]) -> None:
    script = runs[0].script
    if any("\0" in text for run in runs for text in (script, *run.words, *run.variables.values())):
        raise BadRequest("a word with a NUL byte cannot be sent", hint="take it out")
    if not script:
        return
    batch = read_script(script)
    if not batch.interpreter:
        raise BadRequest("the stage's script does not start with #!", hint="add: #!/bin/bash")
    if "array" in batch.options():
        raise BadRequest("the stage's script is an array by itself",
                         hint="take its --array out: a grid of the manifest makes one")  # fmt: skip
    if len(runs) > 1 and batch.groups > 1:
        raise BadRequest("a heterogeneous job cannot be a task of an array",
                         hint="give each of its jobs a shape of its own")  # fmt: skip


def _parts(pattern: str, is_array: bool) -> bool:
    """Whether a script's own log pattern gives each of its jobs a file."""
    if pattern in ("", "/dev/null") or not is_array:
        return bool(pattern)
    return re.search(r"%[0-9]*[ajJ]", pattern.replace("%%", "")) is not None


def script_of(runs: Sequence[Run]) -> str:
    """The script of these runs, by ``SLURM_ARRAY_TASK_ID`` where there are several."""
    return "\n".join(_lines(runs)) + "\n"


def _lines(runs: Sequence[Run]) -> Iterator[str]:
    yield "#!/bin/bash"
    yield from _head(runs[0].script)
    yield "# made by jobshape rounds: each task runs the words of its line"
    if len(runs) == 1:
        yield from _setting(runs[0])
    else:
        yield 'case "$SLURM_ARRAY_TASK_ID" in'
        for task, run in enumerate(runs):
            yield f"{task})"
            yield from _setting(run)
            yield ";;"
        yield '*) echo "jobshape: there is no task $SLURM_ARRAY_TASK_ID" >&2; exit 2 ;;'
        yield "esac"
    script = runs[0].script
    if not script:
        yield 'exec -- "$@"'
        return
    end = _delimiter(script)
    yield f"exec {_interpreter(script)} /dev/fd/3 \"$@\" 3<<'{end}'"
    yield script.removesuffix("\n")
    yield end


def _setting(run: Run) -> Iterator[str]:
    for name, value in run.variables.items():
        yield f"export {name}={_quoted(value)}"
    yield " ".join(["set --", *map(_quoted, run.words)])


def _quoted(word: str) -> str:
    """The word for bash on one line: sbatch refuses a script with a carriage return and newline."""
    if not _CONTROL.search(word):
        return shlex.quote(word)
    return "$'" + _CONTROL_OR_SPECIAL.sub(lambda found: f"\\{ord(found[0]):03o}", word) + "'"


def _head(script: str) -> Iterator[str]:
    """The comments before a stage's first command: its lines for sbatch, and what rules read."""
    if script:
        head = script.split("\n")[1 : read_script(script).head_lines]
        yield from (line for line in head if line.startswith("#"))


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def _interpreter(script: str) -> str:
    """The words of a script's first line."""
    words = read_script(script).interpreter.split(maxsplit=1) or ["/bin/bash"]
    return " ".join(map(shlex.quote, words))


def _delimiter(script: str) -> str:
    """A line that the script does not have."""
    end, lines = f"END_OF_SCRIPT_{text_hash(script)[:12]}", set(script.split("\n"))
    while end in lines:
        end += "_"
    return end
