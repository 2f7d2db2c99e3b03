"""Stands where files and the pre-flight stand, so that pictures have a fixed content."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jobshape.app.domain.check import CheckLine
from jobshape.app.domain.errors import BadRequest, JobshapeError
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.scripts.draft import Draft, Project

SCRIPT = """#!/bin/bash
#SBATCH --job-name=train
#SBATCH --mem=16G   # seen in round 1
#SBATCH -t 4:00:00
#SBATCH --gres=gpu:a100:1
python train.py
"""
PATH = "/home/alice/vit/train.sh"

LINES = (
    CheckLine("smoke", "block", "no smoke test of this configuration has passed",
              "this configuration never ran on a smoke partition",
              "send it to smoke first: --partition=smoke"),
    CheckLine("notification", "warn", "nobody is told when it ends",
              "a failure is then seen only by who looks", "add --mail-type=END,FAIL"),
    CheckLine("disk", "skip", "the disk was not looked at", "it gave no answer in 5 s"),
    CheckLine("memory", "pass", "memory 16G a node fits into g1", line=3),
    CheckLine("walltime", "pass", "walltime 04:00:00 is within the limits", line=4),
)  # fmt: skip


class FakeFiles:
    """One folder with one script in it, and one template."""

    def __init__(self) -> None:
        self.text = SCRIPT
        self.written: list[str] = []

    async def home(self) -> str:
        """The folder."""
        return "/home/alice/vit"

    async def listing(self, folder: str) -> list[tuple[str, bool]]:
        """What lies there."""
        return [("[red]odd[/]", True), ("train.sh", False)]

    async def read(self, path: str) -> Any:
        """The script."""
        if not path.endswith("train.sh"):
            raise JobshapeError("no such file", where=path)
        return SimpleNamespace(path=Path(path), text=self.text)

    async def write(self, file: Any, text: str) -> Path:
        """Kept."""
        self.written.append(text)
        return Path(f"{file.path}.jobshape-20261128-090000.bak")

    async def project(self, path: str) -> Project:
        """A commit."""
        return Project("5cc3858", dirty=False)

    async def templates(self) -> list[tuple[str, str, str]]:
        """One."""
        return [("eval", "comes with jobshape", "#!/bin/bash\n#SBATCH --mem=8G\n{{command}}\n")]

    async def hand_over(self, request: SubmitRequest) -> tuple[Path, str]:
        """Kept."""
        return Path("/state/unsent/a.sh"), "sbatch /state/unsent/a.sh"


class FakePreflight:
    """Says the same of every draft."""

    def __init__(self, lines: Sequence[CheckLine] = LINES) -> None:
        self.lines = lines
        self.drafts: list[Draft] = []
        self.replaced: list[set[int]] = []

    async def examine(
        self, draft: Draft, ahead: int = 0, replaced: Collection[int] = ()
    ) -> Sequence[CheckLine]:
        """The lines."""
        self.drafts.append(draft)
        self.replaced.append(set(replaced))
        return self.lines

    def lift(self, lines: Sequence[CheckLine], reasons: Mapping[str, str]) -> Sequence[CheckLine]:
        """As policy allows: anything but what is called ``never``."""
        if "never" in reasons:
            raise BadRequest("never cannot be lifted")
        return [
            line._replace(lifted=reasons[line.rule]) if line.rule in reasons else line
            for line in lines
        ]
