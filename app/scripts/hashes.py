"""Hashes of a script: of its text, and of what it runs whatever it asks for."""

import hashlib
import re
from collections.abc import Sequence

from jobshape.app.scripts.directives import MAGIC, read_script

_SHAPE_OPTIONS_WORDS = """
account acctg-freq array batch bb bbf cluster-constraint clusters consolidate-segments
constraint contiguous core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline
delay-boot distribution exclude exclude-reservation exclusive extra-node-info gpu-bind gpu-freq
gpus gpus-per-node gpus-per-socket gpus-per-task gres gres-flags hint licenses mcs-label mem
mem-bind mem-per-cpu mem-per-gpu mincpus nodefile nodelist nodes ntasks ntasks-per-core
ntasks-per-gpu ntasks-per-node ntasks-per-socket overcommit oversubscribe partition power prefer
qos reboot reservation resources segment sockets-per-node spread-job spread-segments switches
thread-spec threads-per-core time time-min tmp tres-bind tres-per-job tres-per-node
tres-per-socket tres-per-task use-min-nodes wckey
"""
SHAPE_OPTIONS = frozenset(_SHAPE_OPTIONS_WORDS.split())
"""Options for how much, how long, where and on whose account a job runs."""

_SENDING_OPTIONS_WORDS = """
autocomplete begin comment dependency error external extra help hold ignore-pbs job-name
kill-on-invalid-dep mail-type mail-user nice no-requeue open-mode output parsable priority
profile quiet requeue test-only usage verbose version wait
"""
SENDING_OPTIONS = frozenset(_SENDING_OPTIONS_WORDS.split())
"""Options for what a job is called, when it is due and where it tells of itself."""

_JUSTIFICATION = re.compile(r"\s*#\s*JUSTIFIED:")


def text_hash(text: str) -> str:
    """sha256 of the text's bytes, in hex."""
    return hashlib.sha256(_bytes(text)).hexdigest()


def configuration_hash(text: str, arguments: Sequence[str] = ()) -> str:
    """sha256, in hex, of what a script runs: the same for another shape, name, queue or log.

    It is taken over, each part with its length in bytes before it: every line without its line end,
    but for the ``#SBATCH`` lines and ``# JUSTIFIED:`` comments before the first command; then, one
    component of a heterogeneous job after the other, each option with the value that wins, sorted
    by name, without SHAPE_OPTIONS and SENDING_OPTIONS; what no table knows; the arguments.
    """
    script = read_script(text)
    taken = hashlib.sha256()

    def add(kind: str, part: str) -> None:
        data = _bytes(part)
        taken.update(b"%s %d\n%s\n" % (kind.encode(), len(data), data))

    for number, line in enumerate(text.split("\n"), 1):
        in_head = number <= script.head_lines
        if not (in_head and (line.startswith(MAGIC) or _JUSTIFICATION.match(line))):
            add("line", line.removesuffix("\r"))
    for group in range(script.groups):
        add("group", str(group) if script.groups > 1 else "")
        for name, value in sorted(script.options(group).items()):
            if name not in SHAPE_OPTIONS | SENDING_OPTIONS:
                add("option", f"{name}={value}")
    for problem in script.problems:
        if problem.kind == "unknown":
            add("unknown", problem.what)
    for argument in arguments:
        add("argument", argument)
    return taken.hexdigest()


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character pair, which no file gives
        return text.encode("utf-8", "surrogatepass")
