"""Whether there is a site at all, found out at once and without asking it."""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from jobshape.app.domain.errors import NoSite

_NO_SLURM_HINT = (
    "run jobshape on a login node, name one with `jobshape --ssh HOST`, "
    "install Slurm's client commands, or use this machine alone: `--site local`"
)
_PYSLURM_HINT = "`--backend commands` works without it; `jobshape doctor` tells more"


def check_slurm(backend: str, ssh: str) -> None:
    """Raises NoSite where it is clear that no Slurm can be watched here.

    Costs nothing where squeue is on PATH, else 0.1 s to try pyslurm.
    """
    if ssh:
        if shutil.which("ssh") is None:
            raise NoSite("ssh is not on PATH", hint="install OpenSSH's client, or leave out --ssh")
    elif backend == "pyslurm":
        if reason := _why_not_pyslurm():
            raise NoSite(f"pyslurm cannot be used: {reason}", hint=_PYSLURM_HINT)
    elif backend in ("auto", "commands") and shutil.which("squeue") is None:
        reason = "" if backend == "commands" else _why_not_pyslurm()
        if reason is not None:
            what = "no Slurm on this machine: squeue is not on PATH"
            raise NoSite(f"{what}; {reason}" if reason else what, hint=_NO_SLURM_HINT)


def slurm_found() -> str:
    """The first sign of a Slurm here, whether it works or not; empty if there is none."""
    if shutil.which("squeue"):
        return "squeue is on PATH"
    if named := os.environ.get("SLURM_CONF"):
        return f"SLURM_CONF={named}"
    from jobshape.app.backends.pyslurm.library import config_file, why_not

    if file := config_file():
        return f"found {file}"
    works = find_spec("pyslurm") is not None and why_not() is None
    return "pyslurm finds one" if works else ""


def why_not_local(folder: Path) -> str:
    """Why this machine cannot run jobs with its queue in this folder; empty if it can."""
    if sys.platform != "linux":
        return f"its scheduler needs Linux, this is {sys.platform}"
    try:
        if folder.exists():
            if not folder.is_dir():
                return f"{folder} is not a folder"
            if folder.stat().st_uid != os.geteuid():
                return f"{folder} belongs to somebody else"
            return "" if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written"
        parent = next(path for path in folder.parents if path.exists())
    except OSError as error:
        return f"{folder}: {error.strerror}"
    return "" if os.access(parent, os.W_OK | os.X_OK) else f"{parent} cannot be written"


def _why_not_pyslurm() -> str | None:
    if find_spec("pyslurm") is None:
        return "pyslurm is not installed"
    from jobshape.app.backends.pyslurm.library import why_not

    return why_not()
