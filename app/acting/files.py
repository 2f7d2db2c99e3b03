"""Scripts and folders for the screens: listed, read and written beside the event loop."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from jobshape.app.acting.beside import beside
from jobshape.app.acting.git import project_of
from jobshape.app.acting.hand_over import hand_over
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.scripts.draft import Project
from jobshape.app.scripts.script_file import ScriptFile, read, write
from jobshape.app.settings.folders import is_ones_own

MOST_ENTRIES = 5000
WHO = "the file system"


class ScriptFiles:
    """All raise a JobshapeError; none takes longer than ten seconds."""

    def __init__(
        self, unsent: Path, templates: Sequence[Path], wrapper: tuple[str, ...], ssh: str = ""
    ) -> None:
        self._unsent = unsent
        self._templates = tuple(templates)
        self._wrapper = wrapper
        self._ssh = ssh

    async def home(self) -> str:
        """The folder at hand."""
        return await beside(os.getcwd, WHO)

    async def listing(self, folder: str) -> list[tuple[str, bool]]:
        """What lies in a folder: (name, whether it is a folder), folders first, by name."""
        return await beside(lambda: _listing(Path(folder)), WHO)

    async def read(self, path: str) -> ScriptFile:
        """A script."""
        return await beside(lambda: read(Path(path).expanduser()), WHO)

    async def write(self, file: ScriptFile, text: str) -> Path:
        """Write a script back; gives the path of what was there before."""
        return await beside(lambda: write(file, text), WHO)

    async def project(self, path: str) -> Project:
        """The git work tree of a script, or of the folder at hand."""
        folder = Path(path).parent if path else Path()
        return await beside(lambda: project_of(folder), WHO)

    async def templates(self) -> list[tuple[str, str, str]]:
        """Scripts to start from: (stage, where it is from, text); the project's come first."""
        return await beside(lambda: _templates(self._templates), WHO)

    async def hand_over(self, request: SubmitRequest) -> tuple[Path, str]:
        """Keep a script that could not be sent; gives its path and the command for it."""
        return await beside(lambda: hand_over(request, self._unsent, self._wrapper, self._ssh), WHO)


def _listing(folder: Path) -> list[tuple[str, bool]]:
    try:
        with os.scandir(folder) as found:
            entries = [(one.name, one.is_dir()) for one, _ in zip(found, range(MOST_ENTRIES))]  # noqa: B905
    except OSError as error:
        raise JobshapeError(error.strerror or "cannot be read", where=str(folder)) from error
    return sorted(entries, key=lambda one: (not one[1], one[0]))


def _templates(folders: Sequence[Path]) -> list[tuple[str, str, str]]:
    """One for each stage: the first folder that has it wins."""
    found: dict[str, tuple[str, str, str]] = {}
    for folder in folders:
        try:
            paths = sorted(folder.glob("*.sh"))
        except OSError:
            continue
        for path in paths:
            if path.stem in found or (folder != folders[-1] and not is_ones_own(path)):
                continue
            with suppress(JobshapeError):  # one that is broken keeps nobody from the others
                is_ours = folder == folders[-1]
                where = "comes with jobshape" if is_ours else str(path)
                found[path.stem] = (path.stem, where, read(path).text)
    return list(found.values())
