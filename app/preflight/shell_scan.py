"""What a batch script's commands say: the GPUs they pin, the Python files they run; never raises.

It is read line by line, nothing of it is run. Comments and quoted parts that the shell would not
read as commands are left out as far as that can be told without being a shell.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from jobshape.app.preflight.python_scan import Found

MOST_CHARS = 1 << 20

_VISIBLE = re.compile(r"(?<![\w$\{])CUDA_VISIBLE_DEVICES=(?P<value>[^\s;&|]*)")
_DEVICE = re.compile(r"(?<![\w])cuda:\d+\b")
_PYTHON = re.compile(r"python(\d(\.\d+)?)?t?")
_HEREDOC = re.compile(r"<<-?\s*(?P<quote>['\"]?)(?P<word>\w+)(?P=quote)")
_LAUNCHERS = frozenset(
    {"torchrun", "accelerate", "deepspeed", "ipython", "colossalai", "horovodrun"}
)
_WITH_VALUE = frozenset({"-W", "-X", "-Q", "--check-hash-based-pycs"})
"""Options of python that take the next word."""


class Command(NamedTuple):
    """A line of the script, joined with those it goes on in, without its comment."""

    line: int
    text: str


class PythonFile(NamedTuple):
    """A Python file that the script runs."""

    line: int  # of the script
    path: str  # as it stands there


def commands(script: str) -> Iterator[Command]:
    """The lines that are commands."""
    until = ""
    lines = script[:MOST_CHARS].split("\n")
    number = 0
    while number < len(lines):
        first, line = number + 1, lines[number].removesuffix("\r")
        number += 1
        if until:
            until = "" if line.strip() == until else until
            continue
        while _goes_on(line) and number < len(lines):
            line = line[:-1] + " " + lines[number].removesuffix("\r").lstrip()
            number += 1
        text = without_comment(line)
        if match := _HEREDOC.search(text):
            until = match["word"]
        if text.strip():
            yield Command(first, text)


def devices(script: str) -> list[Found]:
    """Places that pin a GPU: CUDA_VISIBLE_DEVICES being set, ``cuda:1`` as an argument.

    An empty value takes GPUs away from a command on purpose, and a value that comes from a
    variable of Slurm or of the step pins nothing.
    """
    found = []
    for command in commands(script):
        for match in _VISIBLE.finditer(command.text):
            value = match["value"].strip("\"'")
            if value and "$" not in value and "`" not in value:
                found.append(Found(command.line, f"CUDA_VISIBLE_DEVICES={value}"))
        found += [Found(command.line, match[0]) for match in _DEVICE.finditer(command.text)]
    return found


def python_files(script: str) -> list[PythonFile]:
    """The Python files that its commands run, each once."""
    found: dict[str, PythonFile] = {}
    for command in commands(script):
        for path in _files_of(_words(command.text)):
            found.setdefault(path, PythonFile(command.line, path))
    return list(found.values())


def python_texts(script: str) -> list[Command]:
    """Python that stands in the script itself (``python - <<EOF``), with the line it starts at."""
    lines = script[:MOST_CHARS].split("\n")
    found = []
    for command in commands(script):
        match = _HEREDOC.search(command.text)
        if match is None or not any(
            _PYTHON.fullmatch(PurePosixPath(word).name) for word in _words(command.text)
        ):
            continue
        start = next(
            (at for at, line in enumerate(lines[command.line - 1 :], command.line)
             if match[0] in line), command.line,
        )  # fmt: skip
        body: list[str] = []
        for line in lines[start:]:
            if line.strip() == match["word"]:
                break
            body.append(line)
        found.append(Command(start + 1, "\n".join(body)))
    return found


def without_comment(line: str) -> str:
    """The line up to a ``#`` that starts a comment."""
    quote, escaped = "", False
    for at, letter in enumerate(line):
        if escaped:
            escaped = False
        elif letter == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "#" and (at == 0 or line[at - 1] in " \t;&|("):
            return line[:at]
    return line


def _goes_on(line: str) -> bool:
    """Whether it ends in a backslash that is none of a comment."""
    slashes = len(line) - len(line.rstrip("\\"))
    return slashes % 2 == 1 and without_comment(line) == line


def _words(text: str) -> list[str]:
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()<>")
        lexer.whitespace_split = True
        lexer.commenters = ""
        return list(lexer)
    except ValueError:  # a quote that goes on in the next line
        return text.replace('"', " ").replace("'", " ").split()


def _files_of(words: list[str]) -> Iterator[str]:
    at = 0
    while at < len(words):
        name = PurePosixPath(words[at]).name
        at += 1
        if _PYTHON.fullmatch(name):
            path = _file_of_python(words[at:])
            if path:
                yield path
        elif name in _LAUNCHERS:
            path = next((word for word in _own_words(words[at:]) if word.endswith(".py")), "")
            if path:
                yield path
        elif name.endswith(".py") and _starts_command(words, at - 1):
            yield words[at - 1]


def _own_words(words: list[str]) -> Iterator[str]:
    """The words of one command."""
    for word in words:
        if word and set(word) <= set(";&|()<>"):
            return
        yield word


def _file_of_python(words: list[str]) -> str:
    """What python runs: the first word that is no option; "" for a module, a command, stdin."""
    own = _own_words(words)
    for word in own:
        if word in ("-m", "-c", "-") or word.startswith(("-m", "-c")):
            return "" if not word.startswith("-m") else _of_module(word[2:] or next(own, ""), own)
        if word in _WITH_VALUE:
            next(own, None)
        elif not word.startswith("-"):
            return word
    return ""


def _of_module(module: str, rest: Iterator[str]) -> str:
    """The file behind ``python -m``: a launcher's first .py, else the module as a path."""
    if module in ("torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch",
                  "cProfile", "pdb", "trace", "coverage", "debugpy", "torch.distributed.elastic",
                  "scalene", "kernprof"):  # fmt: skip
        return next((word for word in rest if word.endswith(".py")), "")
    parts = module.split(".")
    return "/".join(parts) + ".py" if all(part.isidentifier() for part in parts) else ""


def _starts_command(words: list[str], at: int) -> bool:
    """Whether the word is what is run: at the start, or behind srun and its options."""
    before = words[:at]
    while before and not set(before[-1]) <= set(";&|()"):
        word = before.pop()
        if word in ("srun", "exec", "time", "nohup", "env"):
            return True
        if not word.startswith("-") and "=" not in word:
            return False
    return True
