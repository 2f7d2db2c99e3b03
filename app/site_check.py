"""Whether there is a site at all, found out at once and without asking it."""

import shutil
from importlib.util import find_spec

from jobshape.app.domain.errors import NoSite
from jobshape.app.settings.values import SiteChoice

_NO_SLURM_HINT = (
    "run jobshape on a login node, name one with `jobshape --ssh HOST`, "
    "or install Slurm's client commands"
)
_PYSLURM_HINT = "`--backend commands` works without it; `jobshape doctor` tells more"


def check_site(site: SiteChoice) -> None:
    """Raises NoSite where it is clear that nothing can be watched here.

    Costs nothing where squeue is on PATH, else 0.1 s to try pyslurm.
    """
    if site.ssh:
        if shutil.which("ssh") is None:
            raise NoSite("ssh is not on PATH", hint="install OpenSSH's client, or leave out --ssh")
    elif site.backend == "pyslurm":
        if reason := _why_not_pyslurm():
            raise NoSite(f"pyslurm cannot be used: {reason}", hint=_PYSLURM_HINT)
    elif site.backend in ("auto", "commands") and shutil.which("squeue") is None:
        reason = "" if site.backend == "commands" else _why_not_pyslurm()
        if reason is not None:
            what = "no Slurm on this machine: squeue is not on PATH"
            raise NoSite(f"{what}; {reason}" if reason else what, hint=_NO_SLURM_HINT)


def _why_not_pyslurm() -> str | None:
    if find_spec("pyslurm") is None:
        return "pyslurm is not installed"
    from jobshape.app.backends.pyslurm.library import why_not

    return why_not()
