"""Where the local site keeps its things: one folder that only its user can open."""

import os
import stat
from pathlib import Path

from jobshape.app.domain.errors import BackendError

PRIVATE = 0o700
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SiteFolder:
    """The paths below a site's folder."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder)
        self.database = self.path / "queue.db"
        self.spool = self.path / "spool"
        self.lock = self.path / "supervisor.lock"
        self.log = self.path / "supervisor.log"
        self.reserve = self.path / "reserve"
        self.socket = self.path / "socket"
        self.programs = self.path / "bin"

    def is_there(self) -> bool:
        """Whether it exists; raises BackendError where it is open to others or theirs."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        if not stat.S_ISDIR(found.st_mode):
            raise self._unusable("it is no folder")
        if found.st_uid != os.geteuid():
            raise self._unusable(f"it belongs to the user with id {found.st_uid}")
        if found.st_mode & OTHERS:
            raise self._unusable(
                f"other users may open it (mode {stat.S_IMODE(found.st_mode):o})",
                hint=f"chmod 700 {self.path}",
            )
        return True

    def make(self) -> None:
        """Make what is missing; raises BackendError."""
        try:
            self.path.parent.parent.mkdir(parents=True, exist_ok=True)
            self.path.parent.mkdir(mode=PRIVATE, exist_ok=True)
            if not self.is_there():
                self.path.mkdir(mode=PRIVATE)
            self.spool.mkdir(mode=PRIVATE, exist_ok=True)
            self.programs.mkdir(mode=PRIVATE, exist_ok=True)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error

    def _unusable(self, why: str, hint: str = "choose another folder for the site") -> BackendError:
        return BackendError(f"the local site's folder cannot be used: {why}",
                            where=str(self.path), hint=hint)  # fmt: skip
