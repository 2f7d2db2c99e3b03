"""The monitor on the cluster this runs in, as an SVG on standard output: README's screenshot.

The app as it is with its collector, without a terminal:
``python picture.py COLUMNS ROWS [KEY ...]``.
"""

from __future__ import annotations

import asyncio
import sys

from jobshape.app.collector.spawn import CollectorProcess
from jobshape.app.launch import start_of
from jobshape.app.settings.load import load_settings
from jobshape.app.sites import choose_site
from jobshape.app.tui import LiveApp


async def picture(columns: int, rows: int, keys: list[str]) -> str:
    """Open the app, wait for its jobs, press keys, take the picture."""
    loaded = load_settings({"site.scope": ("all", "for the picture")})
    process = CollectorProcess(start_of(loaded.settings, choose_site(loaded)))
    app = LiveApp(loaded.settings, process)
    try:
        async with app.run_test(size=(columns, rows)) as pilot:
            await asyncio.sleep(4)
            for key in keys:
                await pilot.press(key)
                await asyncio.sleep(0.5)
            return app.export_screenshot(title="jobshape")
    finally:
        process.end()


if __name__ == "__main__":
    columns, rows, *keys = sys.argv[1:]
    sys.stdout.write(asyncio.run(picture(int(columns), int(rows), keys)))
