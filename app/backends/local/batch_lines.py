"""The ``#SBATCH`` lines of a batch script, read as sbatch reads them.

Source: sbatch(1) and its own getopt table: options of every release from 22.05 to 26.05. What means
nothing on one machine is read like the rest, and left alone.
"""

import re
import shlex
from collections.abc import Iterator, Sequence

from jobshape.app.domain.errors import BadRequest, NotSupported

# Option -> its letter; after "=" stands how it takes a value: "" none, "?" an optional one.
_NO_VALUE = """
contiguous exclude-reservation get-user-env? hold=H ignore-pbs kill-on-invalid-dep? no-kill=k?
no-requeue overcommit=O oversubscribe=s parsable quiet=Q reboot requeue spread-job test-only
use-min-nodes verbose=v wait=W exclusive? propagate? nvmps help=h usage version=V stepmgr?
consolidate-segments spread-segments
"""
_WITH_VALUE = """
account=A acctg-freq array=a batch bb bbf begin=b chdir=D cluster-constraint clusters=M comment
constraint=C container container-id core-spec=S cores-per-socket cpu-freq cpus-per-gpu
cpus-per-task=c deadline delay-boot dependency=d distribution=m error=e exclude=x export export-file
extra extra-node-info=B gid gpu-bind gpu-freq gpus=G gpus-per-node gpus-per-socket gpus-per-task
gres gres-flags hint input=i job-name=J licenses=L mail-type mail-user mcs-label mem mem-bind
mem-per-cpu mem-per-gpu mincpus network nice? nodefile=F nodelist=w nodes=N ntasks=n
ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output=o partition=p
power prefer priority profile qos=q reservation resv-ports? segment signal sockets-per-node switches
thread-spec threads-per-core time=t time-min tmp tres-bind tres-per-task uid umask wckey wrap
workdir oom-kill-step? tres-per-socket tres-per-node tres-per-job resources
"""
REQUIRED, OPTIONAL, NONE = "required", "optional", "none"


def _table() -> tuple[dict[str, str], dict[str, str]]:
    kinds: dict[str, str] = {}
    letters: dict[str, str] = {}
    for words, kind in ((_NO_VALUE, NONE), (_WITH_VALUE, REQUIRED)):
        for word in words.split():
            name, _, letter = word.rstrip("?").partition("=")
            kinds[name] = OPTIONAL if word.endswith("?") else kind
            if letter:
                letters[letter] = name
    return kinds, letters


_KINDS, _LETTERS = _table()
_HET = re.compile(r"\s*(hetjob|packjob)\b")


def read_options(script: str) -> dict[str, str]:
    """Long option -> value ("" for none given) of a script's ``#SBATCH`` lines; the last one wins.

    Raises BadRequest for an option that Slurm does not know, NotSupported for a het job.
    """
    options: dict[str, str] = {}
    for number, line in _lines(script):
        if _HET.match(line):
            raise NotSupported(
                "heterogeneous jobs cannot run here: this machine is the only node",
                where=f"line {number} of the script", hint="submit its parts as jobs of their own",
            )  # fmt: skip
        try:
            words = shlex.split(line, comments=True)
            options.update(_options(words))
        except ValueError as error:
            raise BadRequest(f"{error}: #SBATCH{line}", where=f"line {number} of the script",
                             hint="see sbatch(1) for its options") from None  # fmt: skip
    return options


def _lines(script: str) -> Iterator[tuple[int, str]]:
    """What follows ``#SBATCH``, up to the first command."""
    for number, line in enumerate(script.split("\n"), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            return
        if line.startswith("#SBATCH") and line[7:8] in (" ", "\t"):
            yield number, line[7:]


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    left = list(words)
    while left:
        word = left.pop(0)
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            name = _full_name(name)
            if _KINDS[name] == REQUIRED and not equals:
                value = _value_of(f"--{name}", left)
            elif _KINDS[name] == NONE and equals:
                raise ValueError(f"option '--{name}' doesn't allow an argument")
            yield name, value
        elif word.startswith("-") and len(word) > 1:
            yield from _short_options(word[1:], left)
        else:
            raise ValueError(f"Invalid directive found in batch script: {word}")


def _short_options(letters: str, left: list[str]) -> Iterator[tuple[str, str]]:
    while letters:
        letter, letters = letters[0], letters[1:]
        name = _LETTERS.get(letter)
        if name is None:
            raise ValueError(f"invalid option -- '{letter}'")
        if _KINDS[name] == REQUIRED:
            yield name, letters or _value_of(f"-{letter}", left)
            return
        if _KINDS[name] == OPTIONAL and letters:
            yield name, letters
            return
        yield name, ""


def _value_of(option: str, left: list[str]) -> str:
    if not left:
        raise ValueError(f"option '{option}' requires an argument")
    return left.pop(0)


def _full_name(name: str) -> str:
    """The option that this is a beginning of, as getopt takes it."""
    if name in _KINDS:
        return name
    found = [known for known in _KINDS if known.startswith(name)] if name else []
    if not found:
        raise ValueError(f"unrecognized option '--{name}'")
    if len(found) > 1:
        raise ValueError(f"option '--{name}' is ambiguous")
    return found[0]
