"""sbatch's options, and the words of an ``#SBATCH`` line as sbatch cuts them.

Source: sbatch(1) and its own getopt table: options of every release from 22.05 to 26.05. Cutting:
``_get_argument`` in Slurm's src/sbatch/opt.c. A site's plugins may add options that no table has.
"""

import difflib
from typing import Final, Literal, NamedTuple

Takes = Literal["required", "optional", "none"]

# Option -> its letter; after "=" stands how it takes a value: "" none, "?" an optional one.
_NO_VALUE = """
contiguous exclude-reservation external get-user-env? hold=H ignore-pbs no-kill=k? no-requeue
overcommit=O oversubscribe=s parsable quiet=Q reboot requeue? spread-job test-only use-min-nodes
verbose=v wait=W exclusive? propagate? nvmps help=h usage version=V stepmgr consolidate-segments
spread-segments
"""
_WITH_VALUE = """
account=A acctg-freq array=a autocomplete batch bb bbf begin=b chdir=D cluster-constraint clusters=M
comment constraint=C container container-id container-type context core-spec=S cores-per-socket
cpu-freq cpus-per-gpu kill-on-invalid-dep mem-update ntasks-per-tres wait-all-nodes
cpus-per-task=c deadline delay-boot dependency=d distribution=m error=e exclude=x export export-file
extra extra-node-info=B gid gpu-bind gpu-freq gpus=G gpus-per-node gpus-per-socket gpus-per-task
gres gres-flags hint input=i job-name=J licenses=L mail-type mail-user mcs-label mem mem-bind
mem-per-cpu mem-per-gpu mincpus network nice? nodefile=F nodelist=w nodes=N ntasks=n
ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output=o partition=p
power prefer priority profile qos=q reservation resv-ports? segment signal sockets-per-node switches
thread-spec threads-per-core time=t time-min tmp tres-bind tres-per-task uid umask wckey wrap
workdir oom-kill-step? tres-per-socket tres-per-node tres-per-job resources
"""
_OTHER_NAMES = {"cluster": "clusters", "tasks-per-node": "ntasks-per-node"}
REQUIRED: Final = "required"
OPTIONAL: Final = "optional"
NONE: Final = "none"

_OF_ONE_COMPONENT = """
cluster-constraint constraint contiguous core-spec cores-per-socket cpu-freq cpus-per-gpu
cpus-per-task distribution exclusive extra-node-info gpu-bind gpu-freq gpus gpus-per-node
gpus-per-socket gpus-per-task gres gres-flags hint licenses mem-bind mem-per-cpu mem-per-gpu mincpus
network nodefile nodelist nodes ntasks ntasks-per-core ntasks-per-gpu ntasks-per-node
ntasks-per-socket ntasks-per-tres overcommit oversubscribe partition power prefer reboot
sockets-per-node spread-job switches thread-spec threads-per-core tmp tres-per-job tres-per-node
tres-per-socket tres-per-task use-min-nodes
"""
OF_ONE_COMPONENT = frozenset(_OF_ONE_COMPONENT.split())
"""Options that hold for their own component of a het job; all others for those behind it as well.

Source: ``reset_each_pass`` in Slurm's src/common/slurm_opt.c, tried with Slurm 26.05.
"""

BLANKS = " \t\n\v\f\r"
"""What C's isspace takes for a blank; nothing outside ASCII is one."""


def _table() -> tuple[dict[str, Takes], dict[str, str]]:
    kinds: dict[str, Takes] = {}
    letters: dict[str, str] = {}
    given: tuple[tuple[str, Takes], ...] = ((_NO_VALUE, NONE), (_WITH_VALUE, REQUIRED))
    for words, kind in given:
        for word in words.split():
            name, _, letter = word.rstrip("?").partition("=")
            kinds[name] = OPTIONAL if word.endswith("?") else kind
            if letter:
                letters[letter] = name
    return kinds, letters


TAKES, LETTERS = _table()
"""Long option -> how it takes a value; letter -> long option."""


class UnknownOption(ValueError):
    """No option, or no single one, is meant; the text is getopt's, ``near`` what may be meant."""

    def __init__(self, what: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.near = near


def full_name(name: str) -> str:
    """The option that this is a beginning of, as getopt_long takes it. Raises UnknownOption."""
    if name in TAKES:
        return name
    if name in _OTHER_NAMES:
        return _OTHER_NAMES[name]
    known = [*TAKES, *_OTHER_NAMES]
    begun = [one for one in known if one.startswith(name)] if name else []
    found = {_OTHER_NAMES.get(one, one) for one in begun}
    if len(found) == 1:
        return found.pop()
    if found:
        raise UnknownOption(f"option '--{name}' is ambiguous", tuple(begun))
    near = difflib.get_close_matches(name[:40].lower().replace("_", "-"), known, 1, 0.7)
    raise UnknownOption(f"unrecognized option '--{name}'", tuple(near))


class Word(NamedTuple):
    """A word of a line: its text without quotes, and where it stands in the line."""

    text: str
    start: int
    end: int
    columns: tuple[int, ...]  # of each letter of the text


class Cut(NamedTuple):
    """A line's words; ``comment``: where its comment starts (its length if it has none)."""

    words: tuple[Word, ...]
    comment: int
    open_quote: str = ""  # the quote that is never closed: sbatch refuses the script
    escaped_end: bool = False  # a last backslash, which does nothing
    stopped_at: int | None = None  # an empty word: sbatch reads nothing behind it


def cut_words(line: str, start: int = 0) -> Cut:
    """The words from a column on.

    A backslash quotes the next letter, a blank too, and in quotes of both kinds as well.
    """
    words: list[Word] = []
    at = start
    while True:
        while at < len(line) and line[at] in BLANKS:
            at += 1
        if at >= len(line) or line[at] == "#":
            return Cut(tuple(words), at)
        word, quote, escaped = _word(line, at)
        if quote:
            return Cut(tuple(words), len(line), open_quote=quote)
        if escaped:
            words += [word] if word.text else []
            return Cut(tuple(words), len(line), escaped_end=True)
        if not word.text:
            return Cut(tuple(words), len(line), stopped_at=at)
        words.append(word)
        at = word.end


def _word(line: str, at: int) -> tuple[Word, str, bool]:
    """A word, the quote left open, and whether the line ends in the middle of an escape."""
    start, quote, escaped = at, "", False
    letters: list[str] = []
    columns: list[int] = []
    while at < len(line) and (quote or escaped or line[at] not in BLANKS):
        letter = line[at]
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
            at += 1
            continue
        elif quote:
            if letter == quote:
                quote = ""
                at += 1
                continue
        elif letter in "\"'":
            quote = letter
            at += 1
            continue
        elif letter == "#":
            break
        letters.append(letter)
        columns.append(at)
        at += 1
    return Word("".join(letters), start, at, tuple(columns)), quote, escaped


def quoted(value: str) -> str:
    """The value as one word of a line; a plain one stays as it is."""
    if value and not any(letter in BLANKS or letter in "\"'\\#" for letter in value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
