"""One submission for jobs that differ in their words: an array whose script holds them all.

The script is complete in itself, so what ran can be read in the script store and sent again. Words
are quoted for the shell. A stage's own script is embedded and read by its own interpreter from file
descriptor 3, so that its name, arguments, exit code and signals are its own.
"""

import re
import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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
    size = len(runs[0].script.encode("utf-8", "surrogateescape")) + 4096
    for count, run in enumerate(runs):
        size += sum(len(word.encode("utf-8", "surrogateescape")) + 8 for word in run.words)
        size += sum(len(name) + len(value) + 20 for name, value in run.variables.items()) + 40
        if size > MOST_SCRIPT_BYTES:
            return max(1, count)
    return len(runs)


def submission(
    runs: Sequence[Run], *, name: str, comment: str, folder: str, at_once: int | None = None,
    command: tuple[str, ...] = (),
) -> SubmitRequest:  # fmt: skip
    """The request that sends these; of one, a single job. All have the same script and shape.

    folder: where it runs, and where its log goes unless the script says so itself.
    """
    first = runs[0]
    shape = {name: getattr(first.shape, name) for name in FIELD_OF if name != "array"}
    percent = f"%{at_once}" if at_once and at_once < len(runs) else ""
    own = read_script(first.script).options() if first.script else {}
    log = f"{folder}/{LOG_FOLDER}/{name}-{'%A_%a' if len(runs) > 1 else '%j'}.log"
    return SubmitRequest(
        script_of(runs),
        name=name,
        comment=comment,
        work_dir=folder,
        array=f"0-{len(runs) - 1}{percent}" if len(runs) > 1 else None,
        stdout=None if own.get("output") or "%" in folder else log,
        command=command,
        **shape,
    )


def script_of(runs: Sequence[Run]) -> str:
    """The script of these runs, by ``SLURM_ARRAY_TASK_ID`` where there are several."""
    return "\n".join(_lines(runs)) + "\n"


def _lines(runs: Sequence[Run]) -> Iterator[str]:
    yield "#!/bin/bash"
    yield from _directives(runs[0].script)
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
        yield 'exec "$@"'
        return
    end = _delimiter(script)
    yield f"exec {_interpreter(script)} /dev/fd/3 \"$@\" 3<<'{end}'"
    yield script.removesuffix("\n")
    yield end


def _setting(run: Run) -> Iterator[str]:
    for name, value in run.variables.items():
        yield f"export {name}={shlex.quote(value)}"
    yield " ".join(["set --", *map(shlex.quote, run.words)])


def _directives(script: str) -> Iterator[str]:
    """The lines for sbatch of a stage's own script, as they stand there."""
    if script:
        batch = read_script(script)
        for line in script.split("\n")[: batch.head_lines]:
            if line.startswith("#SBATCH"):
                yield line


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
