"""Entry of `python3 tests/cluster/box COMMAND` and of `python3 -m box COMMAND`."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # started as a folder: import as the package it is
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from box.cli import main

sys.exit(main())
