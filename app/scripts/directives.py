"""The ``#SBATCH`` lines of a batch script, read exactly as sbatch reads them; nothing raises.

sbatch takes every line that starts with ``#SBATCH``, up to the first line that is neither blank nor
a comment, and reads the words of all of them as one command line. Source: ``_opt_batch_script`` in
Slurm's src/sbatch/opt.c.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from jobshape.app.domain.text import sanitize
from jobshape.app.scripts.options import (
    BLANKS,
    LETTERS,
    NONE,
    OF_ONE_COMPONENT,
    OPTIONAL,
    REQUIRED,
    TAKES,
    Cut,
    UnknownOption,
    Word,
    cut_words,
    full_name,
)

Form = Literal["--opt=value", "--opt value", "--opt", "-o value", "-ovalue", "-o"]
Severity = Literal["error", "warning"]
MAGIC = ("#SBATCH", "#SLURM")
"""What a line for sbatch starts with; the second is an old form that it still takes."""
SEPARATORS = ("hetjob", "packjob")

_JUSTIFIED = re.compile(r"#\s*JUSTIFIED:[ \t]*(\S.*)")
_LATE = re.compile(r"^#SBATCH(?=[ \t]+-)", re.MULTILINE)
_ALMOST = re.compile(r"\s+#SBATCH[ \t]+-|\s*#[ \t]+SBATCH[ \t]+-|\s*#(?!SBATCH)(?i:sbatch)[ \t]+-")


class Directive(NamedTuple):
    """One option of an ``#SBATCH`` line. Lines count from 1, columns from 0; ends are behind."""

    line: int
    group: int  # component of a heterogeneous job, from 0
    option: str  # the long name in full
    value: str  # without quotes; "" if none was given
    given: bool  # whether there was a value
    columns: tuple[int, int]  # of the option's words; of its letters among others in one word
    value_columns: tuple[int, int] | None  # of the value as written, quotes and all
    form: Form
    shares_word: bool = False  # one of several letters behind one dash: -HJname
    value_line: int = 0  # where the value stands, if on a later line

    @property
    def split(self) -> bool:
        """Whether its value stands on the next line."""
        return self.value_line != 0


class ScriptProblem(NamedTuple):
    """What sbatch refuses in a script (error), or reads otherwise than it looks (warning)."""

    line: int  # from 1; 0: no single line
    kind: str  # a word for rules: "unknown", "late", …
    what: str  # harmless to draw
    hint: str = ""
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class BatchScript:
    """A batch script and what its ``#SBATCH`` lines say."""

    text: str
    interpreter: str  # what follows "#!" on the first line; "": no such line
    directives: tuple[Directive, ...]
    problems: tuple[ScriptProblem, ...]
    head_lines: int  # lines before the first command, where directives can stand
    groups: int  # components of a heterogeneous job; 1: an ordinary one
    group_lines: tuple[int, ...]  # per group: its last #SBATCH line; 0 for none
    separators: tuple[int, ...]  # the lines that part the groups
    justified: str  # the reason behind "# JUSTIFIED:"; "": none is given

    def options(self, group: int = 0) -> dict[str, str]:
        """Long option -> value ("" for none given) of a component; the last one wins.

        Some options of the components before it hold as well, as in sbatch: --mem, --time, ….
        """
        return {
            one.option: one.value for one in self.directives
            if one.group == group
            or (one.group < group < self.groups and one.option not in OF_ONE_COMPONENT)
        }  # fmt: skip

    def errors(self) -> tuple[ScriptProblem, ...]:
        """What sbatch refuses."""
        return tuple(one for one in self.problems if one.severity == "error")


def read_script(text: str) -> BatchScript:
    """A script's directives, and everything in its head that is wrong or misleads."""
    reader = _Reader()
    lines = text.split("\n")
    end = len(lines)
    for number, line in enumerate(lines, 1):
        if line.startswith(MAGIC):
            reader.take(number, line, len(MAGIC[not line.startswith(MAGIC[0])]))
        elif stripped := line.strip(BLANKS):
            if not stripped.startswith("#"):
                end = number - 1
                break
            reader.comment(number, line, line.index("#"))
    reader.finish()
    problems = [*_of_the_whole(text), *reader.problems, *_late(text, lines, end)]
    return BatchScript(
        text=text, interpreter=lines[0][2:].strip() if text.startswith("#!") else "",
        directives=tuple(reader.directives), problems=tuple(sorted(problems, key=lambda p: p.line)),
        head_lines=end, groups=reader.group + 1, group_lines=tuple(reader.group_lines),
        separators=tuple(reader.separators), justified=reader.justified,
    )  # fmt: skip


def _of_the_whole(text: str) -> Iterator[ScriptProblem]:
    if not text.strip():
        yield ScriptProblem(0, "empty", "the script is empty", "write what the job is to run")
    elif not text.startswith("#!"):
        yield ScriptProblem(
            1, "interpreter", "the first line does not start with #!", "for instance: #!/bin/bash"
        )
    elif not text.split("\n", 1)[0][2:].strip():
        yield ScriptProblem(
            1, "interpreter", "no interpreter is named behind #!", "for instance: #!/bin/bash",
            "warning",
        )  # fmt: skip
    if "\0" in text:
        yield ScriptProblem(
            text[: text.index("\0")].count("\n") + 1, "null", "the script holds a NUL character",
            "Slurm takes no such script: is this a text file?",
        )  # fmt: skip
    if "\r\n" in text:
        yield ScriptProblem(
            text[: text.index("\r\n")].count("\n") + 1, "dos",
            "lines end as on DOS (\\r\\n), which sbatch refuses", "dos2unix takes them out",
        )  # fmt: skip


def _late(text: str, lines: list[str], end: int) -> Iterator[ScriptProblem]:
    """#SBATCH lines behind the first command, which sbatch never sees."""
    start = sum(len(line) + 1 for line in lines[:end])
    line, at = end + 1, start
    for match in _LATE.finditer(text, start):
        if text.find("\n#!", max(0, start - 1), match.start()) >= 0:
            return  # a script within the script, in a here-document
        line += text.count("\n", at, match.start())
        at = match.start()
        yield ScriptProblem(
            line, "late", "this #SBATCH line stands behind the first command: sbatch ignores it",
            f"move it up, before line {end + 1}", "warning",
        )  # fmt: skip


class _Reader:
    """Gathers the directives line by line, as getopt_long takes their words."""

    def __init__(self) -> None:
        self.directives: list[Directive] = []
        self.problems: list[ScriptProblem] = []
        self.group = 0
        self.group_lines = [0]
        self.separators: list[int] = []
        self.justified = ""
        self._waiting: Directive | None = None  # its value is to come, on the next line
        self._skipping = False  # words behind an unknown option may be its value

    def take(self, number: int, line: str, start: int) -> None:
        """A line for sbatch, which starts behind its ``#SBATCH``."""
        if not line.startswith(MAGIC[0]):
            self._problem(number, "slurm", "#SLURM is an old form of #SBATCH", "write #SBATCH",
                          "warning")  # fmt: skip
        cut = cut_words(line, start)
        self._warn_of(number, cut)
        words = list(cut.words)
        for place, word in enumerate(cut.words):
            if line[word.start : word.end] in SEPARATORS:
                self._separator(number, place, cut)
                words = words[:place]
                break
        self.group_lines[self.group] = number
        while words:
            self._word(number, words)
        self.comment(number, line, cut.comment)
        self._skipping = False

    def comment(self, number: int, line: str, column: int) -> None:
        """A comment from that column on."""
        if not self.justified and (match := _JUSTIFIED.match(line, column)):
            self.justified = match[1].strip()
        if _ALMOST.match(line):
            self._problem(
                number, "comment", "sbatch takes this line for a comment",
                "a line for sbatch starts with #SBATCH, in capitals, at its first column",
                "warning",
            )  # fmt: skip

    def finish(self) -> None:
        """No line is left."""
        if self._waiting:
            self._missing(self._waiting)
            self._waiting = None

    def _separator(self, number: int, place: int, cut: Cut) -> None:
        """Starts the next component; only the first word of a line does."""
        name = cut.words[place].text
        if name != SEPARATORS[0]:
            self._problem(number, "separator", f"{name} is deprecated", "write hetjob", "warning")
        if place or len(cut.words) > 1:
            self._problem(
                number, "separator",
                f"sbatch ignores this {name} and all behind it" if place
                else f"sbatch ignores what stands behind {name}",
                f"give {name} a line of its own", "warning",
            )  # fmt: skip
        if place == 0:
            self.finish()
            self.group += 1
            self.group_lines.append(number)
            self.separators.append(number)

    def _word(self, number: int, words: list[Word]) -> None:
        word = words.pop(0)
        if self._waiting:
            self._late_value(number, word)
        elif word.text.startswith("--") and len(word.text) > 2:
            self._long(number, word, words)
        elif word.text.startswith("-") and word.text not in ("-", "--"):
            self._short(number, word, words)
        elif not self._skipping:
            self._problem(
                number, "word", f"Invalid directive found in batch script: {word.text}",
                "options start with - or --; a value with blanks stands in quotes",
            )  # fmt: skip

    def _late_value(self, number: int, word: Word) -> None:
        waiting, self._waiting = self._waiting, None
        assert waiting
        looks_wrong = word.text.startswith("-")
        self._problem(
            waiting.line, "split",
            f"'--{waiting.option}' has no value on its line: sbatch takes"
            f" '{word.text}' of line {number} for it",
            f"write --{waiting.option}=VALUE", "error" if looks_wrong else "warning",
        )  # fmt: skip
        self.directives.append(waiting._replace(
            value=word.text, given=True, value_columns=(word.start, word.end), value_line=number,
        ))  # fmt: skip

    def _long(self, number: int, word: Word, left: list[Word]) -> None:
        self._skipping = False
        name, equals, value = word.text[2:].partition("=")
        try:
            name = full_name(name)
        except UnknownOption as error:
            said = str(error).replace(f"'--{name}'", f"'{word.text}'")
            self._unknown(number, said, error.near)
            self._skipping = not equals
            return
        if TAKES[name] == NONE and equals:
            self._problem(
                number, "value", f"option '--{name}' doesn't allow an argument",
                f"write --{name} alone",
            )  # fmt: skip
            return
        found = Directive(number, self.group, name, "", False, (word.start, word.end), None,
                          "--opt")  # fmt: skip
        if equals:
            first = word.columns[word.text.index("=")] + 1
            self.directives.append(found._replace(
                value=value, given=True, value_columns=(first, word.end), form="--opt=value"
            ))  # fmt: skip
        elif TAKES[name] == REQUIRED:
            self._take_value(found._replace(form="--opt value"), left)
        else:
            self.directives.append(found)

    def _short(self, number: int, word: Word, left: list[Word]) -> None:
        self._skipping = False
        shares = False
        for place in range(1, len(word.text)):
            letter, rest = word.text[place], word.text[place + 1 :]
            name = LETTERS.get(letter)
            if name is None:
                self._unknown(number, f"invalid option -- '{letter}'")
                return
            takes = TAKES[name] == REQUIRED or (TAKES[name] == OPTIONAL and rest != "")
            shares = shares or (bool(rest) and not takes)
            start = word.columns[place] if shares else word.start
            end = word.end if takes or not rest else word.columns[place] + 1
            found = Directive(number, self.group, name, "", False, (start, end), None, "-o", shares)
            if takes and rest:
                self.directives.append(found._replace(
                    value=rest, given=True, form="-ovalue",
                    value_columns=(word.columns[place] + 1, word.end),
                ))  # fmt: skip
                return
            if takes:
                self._take_value(found._replace(form="-o value"), left)
                return
            self.directives.append(found)

    def _take_value(self, found: Directive, left: list[Word]) -> None:
        if not left:
            self._waiting = found
            return
        word = left.pop(0)
        if word.text.startswith("-") and TAKES.get(word.text.lstrip("-").partition("=")[0]):
            self._problem(
                found.line, "missing",
                f"'--{found.option}' has no value: sbatch takes '{word.text}' for it",
                f"write --{found.option}=VALUE",
            )  # fmt: skip
        self.directives.append(found._replace(
            value=word.text, given=True, columns=(found.columns[0], word.end),
            value_columns=(word.start, word.end),
        ))  # fmt: skip

    def _missing(self, found: Directive) -> None:
        self._problem(
            found.line, "missing", f"option '--{found.option}' requires an argument",
            f"write --{found.option}=VALUE",
        )  # fmt: skip

    def _unknown(self, number: int, what: str, near: tuple[str, ...] = ()) -> None:
        names = " or ".join(f"--{name}" for name in near[:4])
        self._problem(
            number, "unknown", what,
            f"did you mean {names}?" if names
            else "see sbatch(1); a plugin of the site may know it all the same",
        )  # fmt: skip

    def _warn_of(self, number: int, cut: Cut) -> None:
        if cut.open_quote:
            self._problem(
                number, "quote", f"No closing quotation: {cut.open_quote} is never closed",
                "close it, or put a backslash before it",
            )  # fmt: skip
        elif cut.escaped_end:
            self._problem(
                number, "backslash", "sbatch does not continue a line: this backslash does nothing",
                "start the next line with #SBATCH, too", "warning",
            )  # fmt: skip
        elif cut.stopped_at is not None:
            self._problem(
                number, "empty",
                f"sbatch reads nothing behind the empty word at column {cut.stopped_at + 1}",
                "write --option= for an empty value", "warning",
            )  # fmt: skip

    def _problem(self, line: int, kind: str, what: str, hint: str = "",
                 severity: Severity = "error") -> None:  # fmt: skip
        self.problems.append(ScriptProblem(line, kind, sanitize(what), hint, severity))
