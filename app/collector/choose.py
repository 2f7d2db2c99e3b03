"""Which backend talks to this site."""

import os
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from jobshape.app.backends.base import Backend
from jobshape.app.domain.errors import NoSite, NotSupported

if TYPE_CHECKING:
    from jobshape.app.backends.commands.backend import CommandsBackend


def choose_backend(
    kind: str = "auto",
    ssh: str | None = None,
    *,
    local: Mapping[str, Any] | None = None,
    gpu: Mapping[str, Any] | None = None,
    careful: bool = False,
) -> tuple[str, Backend]:
    """The backend for a kind, and the kind it turned out to be.

    kind: ``auto`` (pyslurm if it works here, else Slurm's commands), ``pyslurm``, ``commands``,
    ``local`` (this machine, as ``local`` describes it) or ``module:factory``. gpu: the sources of
    GPU figures on a Slurm site, the head of GpuSources. careful: try pyslurm in a process of its
    own first, since without a slurm.conf its import ends the process; costs 0.1 s. Raises NoSite
    for a kind that cannot be had; a machine without Slurm shows at the first call.
    """
    if ":" in kind:
        module, _, factory = kind.partition(":")
        try:
            return kind, getattr(import_module(module), factory)()
        except (ImportError, AttributeError) as error:
            hint = "module:factory names a function without arguments that gives a backend"
            raise NoSite(f"no backend {kind!r}: {error}", hint=hint) from error
    if kind == "local":
        return kind, _local(local)
    if not ssh:
        _check_named_config()
    if ssh or kind == "commands":
        return "commands", _commands(ssh, gpu)
    if kind not in ("auto", "pyslurm"):
        raise NoSite(f"no backend {kind!r}", hint="auto, pyslurm, commands or local")
    try:
        return "pyslurm", _pyslurm(careful, gpu)
    except NotSupported as error:
        if kind == "pyslurm":
            raise NoSite(f"pyslurm cannot be used: {error.what}", hint=error.hint) from error
        return "commands", _commands(None, gpu)


def _check_named_config() -> None:
    """Slurm itself waits a minute for a file that SLURM_CONF names and that is not there."""
    named = os.environ.get("SLURM_CONF")
    if named and not os.path.isfile(named):  # noqa: PTH113  (pathlib takes 10 ms to import)
        raise NoSite(
            f"there is no {named}",
            where="SLURM_CONF",
            hint="this variable names the slurm.conf to use: correct it, or unset it",
        )


def _pyslurm(careful: bool, gpu: Mapping[str, Any] | None) -> Backend:
    """Raises NotSupported, or ends the process if careful is false and there is no slurm.conf."""
    if find_spec("pyslurm") is None:
        raise NotSupported(
            "it is not installed", hint="pip install pyslurm, as your Slurm's release"
        )
    from jobshape.app.backends.pyslurm.backend import PyslurmBackend, why_not

    reason = why_not() if careful else None
    if reason is not None:
        raise NotSupported(reason, hint="--backend commands needs no pyslurm")
    return PyslurmBackend(_commands(None, gpu))


def _commands(ssh: str | None, gpu: Mapping[str, Any] | None) -> "CommandsBackend":
    from jobshape.app.backends.commands.backend import CommandsBackend
    from jobshape.app.backends.gpu_usage.sources import GpuSources

    return CommandsBackend(ssh_host=ssh, gpus=GpuSources.from_head(gpu))


def _local(head: Mapping[str, Any] | None) -> Backend:
    if head is None:
        raise NoSite("the backend `local` was given no site", hint="a page of kind `local` is one")
    from jobshape.app.backends.local.backend import LocalBackend
    from jobshape.app.backends.local.config import LocalSite

    return LocalBackend(LocalSite.from_head(head))
