"""What a Python file says about devices and checkpoints, read without running it; never raises.

Comments and docstrings do not count. A file that is no Python of this release is read word by word.
"""

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from typing import NamedTuple

MOST_BYTES = 2 << 20

_DEVICE = re.compile(r"\s*cuda:\d+\s*", re.IGNORECASE)
_VISIBLE = "CUDA_VISIBLE_DEVICES"
_CALLS = frozenset({"cuda", "set_device"})
_KEEPS = re.compile(
    r"(save|load|write|restore|resume)_?(from_?|to_?)?(checkpoint|ckpt|state)|resume_from"
    r"|--resume|(checkpoint|ckpt)_?(path|dir|file|every|interval|callback)|ModelCheckpoint"
    r"|resume_training",
    re.IGNORECASE,
)


class Found(NamedTuple):
    """One place of a file."""

    line: int
    what: str  # as it stands there, in short


def devices(text: str) -> list[Found]:
    """Places that pin a GPU: ``"cuda:0"``, ``.cuda(1)``, CUDA_VISIBLE_DEVICES being set."""
    tree = _tree(text)
    found = list(_in_tree(tree)) if tree is not None else list(_in_words(text))
    return sorted(set(found))


def checkpoint_word(text: str) -> str:
    """A word that shows that it saves its state or resumes from it; "" for none."""
    for kind, word in _words(text):
        if kind in (tokenize.NAME, tokenize.STRING) and (match := _KEEPS.search(word)):
            return match[0]
    return ""


def is_checkpoint_word(text: str) -> str:
    """The word of a shell's line that shows the same; "" for none."""
    match = _KEEPS.search(text)
    return match[0] if match else ""


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _in_tree(tree: ast.Module) -> Iterator[Found]:
    idle = set(_texts_that_do_nothing(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(value)) if (
                _DEVICE.fullmatch(value) and id(node) not in idle
            ):
                yield Found(node.lineno, repr(value))
            case ast.Call():
                yield from _of_call(node)
            case ast.Assign(targets=targets):
                yield from (found for target in targets for found in _of_target(target))
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                yield from _of_target(target)


def _texts_that_do_nothing(tree: ast.Module) -> Iterator[int]:
    """Docstrings, and other texts that stand alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)


def _of_call(call: ast.Call) -> Iterator[Found]:
    name = _last_name(call.func)
    first = call.args[0] if call.args else None
    number = next((k.value for k in call.keywords if k.arg in ("device", "index")), first)
    if name in _CALLS and _is_number(number) and isinstance(call.func, ast.Attribute):
        yield Found(call.lineno, f".{name}({ast.unparse(number)})")  # type: ignore[arg-type]
    elif name == "device" and len(call.args) > 1 and _is_number(call.args[1]):
        if isinstance(first, ast.Constant) and first.value == "cuda":
            yield Found(call.lineno, f"device('cuda', {ast.unparse(call.args[1])})")
    elif (name in ("putenv", "setdefault", "setenv")
          and isinstance(first, ast.Constant) and first.value == _VISIBLE):  # fmt: skip
        yield Found(call.lineno, f"{name}({_VISIBLE!r}, …)")
    elif name == "update" and any(k.arg == _VISIBLE for k in call.keywords):
        yield Found(call.lineno, f"update({_VISIBLE}=…)")


def _of_target(target: ast.expr) -> Iterator[Found]:
    if (isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant)
            and target.slice.value == _VISIBLE):  # fmt: skip
        yield Found(target.lineno, f"environ[{_VISIBLE!r}] = …")


def _is_number(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _in_words(text: str) -> Iterator[Found]:
    """The same of a file that is no Python of this release, as far as its words tell."""
    before: list[str] = []
    for kind, word, line in _tokens(text):
        if kind == tokenize.STRING:
            inside = word.lstrip("rRbBuUfF").strip("\"'")
            if _DEVICE.fullmatch(inside):
                yield Found(line, repr(inside))
            if inside == _VISIBLE and before[-1:] == ["["]:
                before.append(_VISIBLE)
                continue
        if word == "=" and before[-2:] == [_VISIBLE, "]"]:
            yield Found(line, f"environ[{_VISIBLE!r}] = …")
        if kind == tokenize.NUMBER and word.isdigit() and before[-3:-1] == [".", "cuda"]:
            yield Found(line, f".cuda({word})")
        before = [*before[-3:], word]


def _words(text: str) -> Iterator[tuple[int, str]]:
    docs = _docstring_lines(text)
    for kind, word, line in _tokens(text):
        if not (kind == tokenize.STRING and line in docs):
            yield kind, word


def _docstring_lines(text: str) -> set[int]:
    tree = _tree(text)
    if tree is None:
        return set()
    return {
        node.lineno for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }  # fmt: skip


def _tokens(text: str) -> Iterator[tuple[int, str, int]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            yield token.type, token.string, token.start[0]
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError):
        return
