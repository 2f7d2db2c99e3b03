"""The pyslurm library: whether it can be used here, loading it, its errors as ours.

It is never imported at the top of a module: without a slurm.conf the import ends the process.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jobshape.app.backends.commands.words import error_of, own_words
from jobshape.app.domain.errors import NO_ANSWER_HINT, BackendError, NotSupported, Unreachable

CONFIG_FILES = (
    "/etc/slurm/slurm.conf",
    "/etc/slurm-llnl/slurm.conf",
    "/run/slurm/conf/slurm.conf",  # what sackd or slurmd fetched from the controller
    "/usr/local/etc/slurm.conf",
    "/opt/slurm/etc/slurm.conf",
)
"""Where libslurm may find its configuration; a site's own build may know another place."""

_TRY_S = 15.0
_NO_VALUE = 0xFFFFFFFE  # Slurm's NO_VAL

# slurm_errno.h: connections and time-outs of the protocol, and of slurmdbd.
_UNREACHABLE = frozenset((*range(1001, 1005), *range(1018, 1024), *range(1800, 1806),
                          *range(5000, 5006), 2027, 7000))  # fmt: skip
_NOT_SUPPORTED = frozenset((2036, 2037))


def why_not() -> str | None:
    """Why pyslurm cannot be used here, in one line; None if it can.

    Imports it in a process of its own (0.06 s), since a failing import ends the process.
    """
    if find_spec("pyslurm") is None:
        return "pyslurm is not installed (pip install pyslurm, the release of your Slurm)"
    named = os.environ.get("SLURM_CONF")
    if named and not Path(named).exists():  # libslurm would look for it again for a minute
        return f"SLURM_CONF names {named}, which does not exist"
    command = [sys.executable, "-c", "import pyslurm"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_TRY_S,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"importing pyslurm did not end within {_TRY_S:.0f} s"
    return None if done.returncode == 0 else _import_trouble(done.stderr, done.returncode)


def config_file() -> str | None:
    """The slurm.conf that libslurm will most likely read; None: none in the usual places."""
    named = os.environ.get("SLURM_CONF")
    return next((path for path in (named, *CONFIG_FILES) if path and Path(path).is_file()), None)


def _import_trouble(stderr: str, code: int) -> str:
    last = stderr.strip().splitlines()[-1:]
    if "ImportError" in stderr or "Error" in "".join(last).split(":")[0]:
        said = "".join(last).partition(": ")[2]
        return f"pyslurm does not fit the Slurm installed here: {said}"
    if "configuration source" in stderr and config_file() is None:
        return "no slurm.conf was found (SLURM_CONF, /etc/slurm, /run/slurm/conf)"
    if code < 0:
        return f"importing pyslurm crashes (signal {-code})"
    return own_words(stderr) or f"importing pyslurm ended the process with exit code {code}"


class Library:
    """pyslurm, loaded: ``module`` is the library itself.

    Raises NotSupported where it cannot be imported. Ends the process where there is no slurm.conf:
    ask :func:`why_not` first.
    """

    def __init__(self) -> None:
        try:
            self.module: Any = import_module("pyslurm")
        except ImportError as error:
            hint = "install the pyslurm release that matches your Slurm, or use --backend commands"
            raise NotSupported(str(error), where="import pyslurm", hint=hint) from error
        self.version: str = self.module.__version__
        self.cluster: str = self.module.settings.LOCAL_CLUSTER or ""
        _keep_raw_values()

    @contextmanager
    def asking(self, where: str) -> Iterator[None]:
        """A block that asks Slurm; an RPCError becomes ours, array ids are read in full."""
        before = os.environ.get("SLURM_BITSTR_LEN")
        os.environ["SLURM_BITSTR_LEN"] = "0"  # else libslurm cuts "0,2,4,..." after 64 characters
        try:
            yield
        except self.module.RPCError as error:
            raise translated(error.errno, str(error), f"pyslurm {where}") from error
        finally:
            if before is None:
                del os.environ["SLURM_BITSTR_LEN"]  # a submitted job must not inherit it
            else:
                os.environ["SLURM_BITSTR_LEN"] = before


def translated(errno: int | None, words: str, where: str) -> BackendError:
    """Our error for a number of slurm_errno.h and Slurm's words for it."""
    if errno in _UNREACHABLE:
        return Unreachable(words, where=where, hint=NO_ANSWER_HINT)
    if errno in _NOT_SUPPORTED:
        return NotSupported(words, where=where)
    error = error_of("pyslurm", words, 1)
    return type(error)(words, where=where, hint=error.hint)


def exit_pair(status: int) -> tuple[int, int]:
    """Exit code and signal of a wait status as Slurm keeps it (wait(2)); 0, 0 if there is none."""
    return (0, 0) if status == _NO_VALUE else (status >> 8 & 0xFF, status & 0x7F)


def _keep_raw_values() -> None:
    """Have two values given as Slurm has them; pyslurm 25.11 drops a part of each.

    A dependency comes as its text: pyslurm's own dict has no room for ``singleton(unfulfilled)``
    and none for the order. Exit code 139 stays 139: pyslurm takes 128 off. The functions are
    globals of pyslurm's modules; where a release has none, :mod:`.jobs` takes what it gives.
    """
    for module, name, function in _RAW:
        try:
            holder = import_module(module)
        except ImportError:
            continue
        if hasattr(holder, name):
            setattr(holder, name, function)


def _same_text(text: str | None) -> str | None:
    return text


_RAW: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("pyslurm.core.job.job", "dependency_str_to_dict", _same_text),
    ("pyslurm.core.job.job", "_get_exit_code", exit_pair),
)
