"""``python -m jobshape.app.collector``: started by the app (spawn.py), spoken to by frames.

The first frame on stdin is ``start``; its head is a :class:`~jobshape.app.collector.start.Start`.
Then ``call``, ``scope``, ``attention``, ``refresh`` and ``stage_rules``. On stdout come ``hello``,
``polling``, ``jobs``, ``nodes``, ``partitions``, ``usage``, ``capabilities``, ``status`` and
``result``. The end of stdin is the end of the process.
"""

import os
import signal
import sys

from jobshape.app.collector.forked import die_with_parent
from jobshape.app.collector.loop import Collector
from jobshape.app.collector.start import Start
from jobshape.app.collector.wire import Frame, FrameReader


def main() -> int:
    """Run until the app goes; RESTART asks to be started again."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's ctrl-c is meant for the app
    die_with_parent(signal.SIGTERM)
    reader = FrameReader()
    frame = _first_frame(reader)
    if frame is None or frame.kind != "start":
        sys.stderr.write("the collector is started by jobshape and speaks its frames on stdin\n")
        return 2
    return Collector(Start.from_head(frame.head), reader).run()


def _first_frame(reader: FrameReader) -> Frame | None:
    while data := os.read(0, 1 << 16):
        for frame in reader.feed(data):
            return frame
    return None


if __name__ == "__main__":
    sys.exit(main())
