"""The sbatch command that a job was submitted with, read back from Slurm's SubmitLine.

Slurm (22.05 to 26.05 alike) keeps the words of the command joined by one blank each, without any
quotes: where a blank was part of a word can only be guessed, so what is not certain is said.
Source: ``slurm_option_get_argv_str`` in Slurm's src/common/slurm_opt.c, and a look at sacct.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.options import (
    LETTERS,
    NONE,
    REQUIRED,
    TAKES,
    UnknownOption,
    full_name,
    quoted,
)
from jobshape.app.scripts.surgery import with_components, with_options

_NOT_AGAIN_WORDS = """
autocomplete begin deadline dependency external gid help hold ignore-pbs kill-on-invalid-dep
parsable quiet test-only uid usage verbose version wait wrap
"""
NOT_AGAIN = frozenset(_NOT_AGAIN_WORDS.split())
"""Options of one submission, not of the job: a second submission does not take them over."""

_NEVER_BLANK_WORDS = """
account array clusters core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task delay-boot
distribution exclude gpus gpus-per-node gpus-per-socket gpus-per-task gres hint mail-type mem
mem-per-cpu mem-per-gpu mincpus nodelist nodes ntasks ntasks-per-core ntasks-per-gpu
ntasks-per-node ntasks-per-socket partition priority qos signal switches threads-per-core time
time-min tmp
"""
_NEVER_BLANK = frozenset(_NEVER_BLANK_WORDS.split())
"""Options whose values never hold a blank, so that the word behind one is the script."""


@dataclass(frozen=True, slots=True)
class SubmitLine:
    """A command line of sbatch; of srun or salloc everything is empty, and nothing is sure."""

    options: dict[str, str]  # long option -> value; unknown ones are left out
    script: str  # as it was typed; "" for --wrap and for a script from standard input
    arguments: tuple[str, ...]
    sure: bool  # all of it
    options_sure: bool = False  # the options and the script; the arguments may be cut elsewhere


_NOTHING = SubmitLine({}, "", (), sure=False)


def read_submit_line(text: str, script_path: str = "") -> SubmitLine:
    """The options, the script and the arguments of a SubmitLine; never raises.

    script_path: where the script lay, if that is known; it tells the script from a part of a value.
    Several arguments are never sure: two words may have been one.
    """
    words = text.rstrip("\n").split(" ")
    if PurePosixPath(words[0]).name != "sbatch":
        return _NOTHING
    end, known = _options_end(words)
    option_words, rest = words[1:end], words[end:]
    if rest[:1] == ["--"]:
        rest = rest[1:]
    read = read_script("#!\n#SBATCH " + " ".join(quoted(word) for word in option_words))
    options = read.options()
    certain = known and not read.errors() and all(word.isprintable() for word in words)
    certain = certain and ":" not in rest[:1] and "" not in option_words
    if "wrap" in options:
        if rest:
            options["wrap"] = " ".join([options["wrap"], *rest])
        certain = certain and not rest
        return SubmitLine(options, "", (), sure=certain, options_sure=certain)
    script, arguments = (rest[0], tuple(rest[1:])) if rest else ("", ())
    last = read.directives[-1] if read.directives else None
    if script_path and script:
        certain = certain and _is_at(script, script_path)
    elif arguments and last and last.given and last.option not in _NEVER_BLANK:
        certain = False  # the script may be the end of that value
    certain = certain and ":" not in (script, *arguments)
    if not script:  # from standard input, unless a word was empty
        certain = certain and not rest and not script_path
    cut_sure = len(arguments) < 2 and "" not in arguments
    return SubmitLine(options, script, arguments, sure=certain and cut_sure, options_sure=certain)


def read_submit_lines(text: str, script_path: str = "") -> tuple[SubmitLine, ...]:
    """One for each component that a command names: ``sbatch -n1 : -n2 job.sh``; never raises.

    The script and its arguments are the last one's.
    """
    words = text.rstrip("\n").split(" ")
    found: list[SubmitLine] = []
    while True:
        end, _ = _options_end(words)
        if words[end : end + 1] != [":"]:
            break
        found.append(read_submit_line(" ".join(words[:end])))
        words = [words[0], *words[end + 1 :]]
    return (*found, read_submit_line(" ".join(words), script_path))


def folded_components(script_text: str, lines: Sequence[SubmitLine]) -> str:
    """The script of a heterogeneous job with all options of the command line in its lines.

    As sbatch goes through it: each component takes the script's lines, then the command's options
    of the same number; where the command names fewer, its last ones count for the rest, too.
    """
    text = with_components(script_text, len(lines))
    for group in range(read_script(text).groups):
        text = folded(text, lines[min(group, len(lines) - 1)], group=group)
    return text


def folded(script_text: str, submit_line: SubmitLine, *, group: int = 0) -> str:
    """The script with the command line's options in its ``#SBATCH`` lines, where these win.

    What belonged to that one submission (NOT_AGAIN) is left out. Raises BadRequest where the script
    cannot be changed for sure.
    """
    kept: dict[str, str | None] = {}
    taken_over = read_script(script_text).options(group) if group else {}
    for name, value in submit_line.options.items():
        if taken_over.get(name) == value:
            continue
        if name not in NOT_AGAIN and not (name == "export-file" and value.isdigit()):
            kept[name] = value  # a number is an open file of the old submission
    return with_options(script_text, kept, group=group)


def _options_end(words: list[str]) -> tuple[int, bool]:
    """Where the options end, and whether all are known, as getopt_long goes through them."""
    at, known = 1, True
    while at < len(words):
        word = words[at]
        if word in ("", "-", "--") or not word.startswith("-"):
            break
        try:
            at += 1 + _takes_next(word)
        except UnknownOption:
            at, known = at + 1, False
    return min(at, len(words)), known


def _takes_next(word: str) -> bool:
    if word.startswith("--"):
        name, equals, _ = word[2:].partition("=")
        return TAKES[full_name(name)] == REQUIRED and not equals
    for place, letter in enumerate(word[1:], 2):
        if letter not in LETTERS:
            raise UnknownOption(f"invalid option -- '{letter}'")
        takes = TAKES[LETTERS[letter]]
        if takes != NONE and (takes == REQUIRED or word[place:]):
            return takes == REQUIRED and not word[place:]
    return False


def _is_at(typed: str, path: str) -> bool:
    """Whether a script typed so may be the one at that path."""
    parts = [part for part in PurePosixPath(typed).parts if part not in (".", "..")]
    return list(PurePosixPath(path).parts[-len(parts) :]) == parts
