"""Opens the monitor: everything that can fail is looked at before the screen is taken over."""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from jobshape.app.collector.start import Start
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.history.place import FILE_NAME, name_in_history
from jobshape.app.late import late
from jobshape.app.settings.folders import state_folder
from jobshape.app.settings.values import Loaded, Settings
from jobshape.app.sites import Site, place_of

if TYPE_CHECKING:
    from jobshape.app.campaigns import LiveCampaigns


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


def launch(
    loaded: Loaded, site: Site, *, filter_text: str = "", history_folder: Path | None = None
) -> int:
    """Run the monitor until the person leaves; gives the exit code.

    history_folder: where the history is kept; None: in the state folder.
    """
    check_terminal()
    settings = loaded.settings
    from jobshape.app.collector.spawn import CollectorProcess

    start = start_of(settings, site, history_folder)
    collector = CollectorProcess(start)  # reads while Textual is imported
    try:
        from jobshape.app.log import start_log
        from jobshape.app.tui import run

        start_log(settings.log.level, state_folder())
        return run(
            settings, collector, filter_text=filter_text, prices=site.prices, place=place_of(site),
            campaigns=late(lambda: _campaigns(loaded)),
        )  # fmt: skip
    finally:
        collector.end()


def _campaigns(loaded: Loaded) -> "LiveCampaigns":
    from jobshape.app.campaigns import LiveCampaigns

    return LiveCampaigns(loaded)


def start_of(settings: Settings, site: Site, history_folder: Path | None = None) -> Start:
    """What the collector has to know."""
    history = (history_folder or state_folder()) / FILE_NAME
    return Start(
        history=str(history) if settings.history.enabled else None,
        site=name_in_history(site.page.name),
        history_days=settings.history.first_days,
        backend=site.backend,
        ssh=site.ssh or None,
        local=site.local.head() if site.local else None,
        scope=settings.site.scope,
        stage_rules=[asdict(rule) for rule in settings.stage_rules],
        finished_hours=settings.ui.finished_hours,
        fastest_s=settings.polling.fastest_s,
        slowest_s=settings.polling.slowest_s,
        controller_ms_per_minute=settings.polling.controller_ms_per_minute,
        gpu=site.gpu_sources(settings.usage.gpu_probe),
    )
