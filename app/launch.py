"""Opens the monitor: everything that can fail is looked at before the screen is taken over."""

import os
import shutil
import sys
from dataclasses import asdict
from importlib.util import find_spec

from jobshape.app.collector.start import Start
from jobshape.app.domain.errors import JobshapeError, NoSite
from jobshape.app.settings.values import Settings, SiteChoice


class NoTerminal(JobshapeError):
    """There is no terminal to draw on."""


def check_terminal() -> None:
    """Raises NoTerminal where Textual could not draw or read keys."""
    streams = {"input": sys.stdin, "output": sys.stdout, "error output": sys.stderr}
    for name, stream in streams.items():
        if stream is None or not stream.isatty():
            raise NoTerminal(
                f"the screen needs a terminal and the standard {name} is none",
                hint="for scripts there is `jobshape status --json`",
            )
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise NoTerminal(
            f"the terminal (TERM={os.environ.get('TERM', '')!r}) cannot place a cursor",
            hint="set TERM, or use `jobshape status`",
        )


def check_site(site: SiteChoice) -> None:
    """Raises NoSite where it is clear at once that nothing can be watched; asks nobody."""
    if site.ssh:
        if shutil.which("ssh") is None:
            raise NoSite("ssh is not on PATH", hint="install OpenSSH's client, or leave out --ssh")
        return
    if ":" in site.backend or (shutil.which("squeue") and site.backend != "pyslurm"):
        return
    if find_spec("pyslurm") is None:
        if site.backend == "pyslurm":
            raise NoSite("pyslurm is not installed", hint=_PYSLURM_HINT)
        raise NoSite("no Slurm on this machine: squeue is not on PATH", hint=_NO_SLURM_HINT)
    from jobshape.app.backends.pyslurm.library import why_not

    reason = why_not()
    if reason and site.backend == "pyslurm":
        raise NoSite(f"pyslurm cannot be used: {reason}", hint=_PYSLURM_HINT)
    if reason:
        raise NoSite(
            f"no Slurm on this machine: squeue is not on PATH, and pyslurm: {reason}",
            hint=_NO_SLURM_HINT,
        )


_NO_SLURM_HINT = (
    "run jobshape on a login node, name one with `jobshape --ssh HOST`, "
    "or install Slurm's client commands"
)
_PYSLURM_HINT = "`--backend commands` works without it; `jobshape doctor` tells more"


def launch(settings: Settings, *, filter_text: str = "") -> int:
    """Run the monitor until the person leaves; gives the exit code."""
    check_site(settings.site)
    check_terminal()
    from jobshape.app.collector.spawn import CollectorProcess

    collector = CollectorProcess(start_of(settings))  # reads while Textual is imported
    try:
        from jobshape.app.tui import run

        return run(settings, collector, filter_text=filter_text)
    finally:
        collector.end()


def start_of(settings: Settings) -> Start:
    """What the collector has to know."""
    return Start(
        backend=settings.site.backend,
        ssh=settings.site.ssh or None,
        scope=settings.site.scope,
        stage_rules=[asdict(rule) for rule in settings.stage_rules],
        finished_hours=settings.ui.finished_hours,
        fastest_s=settings.polling.fastest_s,
        slowest_s=settings.polling.slowest_s,
    )
