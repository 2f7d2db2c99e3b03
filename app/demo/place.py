"""The demo's folder: made, marked as ours, locked, and removed again; nothing lies outside it."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jobshape.app.config_report import as_toml
from jobshape.app.demo.plan import SITE_PAGE, project_text
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.rounds.reading import MANIFEST_NAME
from jobshape.app.settings.folders import make_private, state_folder, write_private

MARKER = ".jobshape-demo"
_HERE = Path(__file__).parent
MOST_CPUS = 2
SUBMIT_S = 30.0
"""How long a second start waits for the first to have submitted its jobs."""


class DemoError(JobshapeError):
    """The demo cannot be shown, or not be removed."""


class Place:
    """The paths of a demo."""

    def __init__(self, folder: str | None) -> None:
        self.is_default = folder is None
        self.folder = state_folder() / "demo" if folder is None else _resolved(folder)
        self.marker = self.folder / MARKER
        self.page = self.folder / "demo.toml"
        self.site = self.folder / "site"

    @property
    def state(self) -> Path:
        """The state folder of jobshape while it shows the demo."""
        return self.folder / "state"

    @property
    def exists(self) -> bool:
        """Whether anything is there; raises DemoError if it is not a demo's."""
        try:
            return self._exists()
        except OSError as error:
            what = f"cannot be looked at: {error.strerror}"
            raise DemoError(what, where=str(self.folder), hint=_ANOTHER) from error

    def _exists(self) -> bool:
        if not self.folder.is_dir() or self.folder.is_symlink():
            if os.path.lexists(self.folder):
                raise DemoError("is not a folder", where=str(self.folder), hint=_ANOTHER)
            return False
        if self.folder.stat().st_uid != os.geteuid():
            raise DemoError("belongs to somebody else", where=str(self.folder), hint=_ANOTHER)
        if not any(self.folder.iterdir()):
            return False
        if not self._is_marked():
            raise DemoError(
                f"is no folder of a demo: its marker {MARKER} is not there or names another one",
                where=str(self.folder), hint=_ANOTHER,
            )  # fmt: skip
        return True

    def _is_marked(self) -> bool:
        with suppress(OSError, ValueError, TypeError, KeyError):
            if not self.marker.is_symlink():
                return bool(json.loads(self.marker.read_text("utf-8"))["folder"] == self._name)
        return False

    @property
    def _name(self) -> str:
        return str(self.folder.resolve())

    @property
    def rounds(self) -> int:
        """How many rounds were submitted so far."""
        return int(json.loads(self.marker.read_text("utf-8"))["rounds"])

    def count_rounds(self, rounds: int) -> None:
        """Remember how many rounds were submitted."""
        text = json.dumps({"made by": "jobshape demo", "folder": self._name, "rounds": rounds})
        write_private(self.marker, text + "\n")

    def make(self) -> None:
        """Everything that has to be there before the first job; raises DemoError."""
        try:
            if not self.exists:
                if self.is_default:
                    make_private(state_folder())
                make_private(self.folder).chmod(0o700)
                self.count_rounds(0)
            cpus = min(MOST_CPUS, len(os.sched_getaffinity(0)))
            page = SITE_PAGE.format(folder=as_toml(str(self.site)), cpus=cpus)
            self._put("demo.toml", page)
            self._put(".jobshape.toml", project_text())
            for shipped in (
                _HERE / "work.py",
                _HERE / MANIFEST_NAME,
                *sorted((_HERE / "scripts").glob("*.sh")),
            ):
                self._put(shipped.name, shipped.read_text("utf-8"))
            make_private(self.folder / "logs")
        except OSError as error:
            raise DemoError(
                f"cannot be made: {error.strerror}", where=str(self.folder), hint=_ANOTHER
            ) from error

    def _put(self, name: str, text: str) -> None:
        """Write a file unless it says that already: its age tells the settings' cache."""
        path = self.folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            write_private(path, text)

    def keep_here(self) -> None:
        """Let what this process and its children keep between starts be in the demo's folder."""
        os.environ["JOBSHAPE_STATE_DIR"] = str(self.state)
        os.environ["JOBSHAPE_CACHE_DIR"] = str(self.folder / "cache")

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While it is looked at, so that nobody removes it; any number at a time."""
        with self._locked("screen.lock", fcntl.LOCK_SH, "it is being removed"):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody looks at it."""
        with self._locked("screen.lock", fcntl.LOCK_EX, "a screen of it is open: quit it first"):
            yield

    @contextmanager
    def submitting(self) -> Iterator[None]:
        """One at a time."""
        with self._locked(
            "submit.lock", fcntl.LOCK_EX, "another start of it is under way", SUBMIT_S
        ):
            yield

    @contextmanager
    def _locked(self, name: str, how: int, why_not: str, patience_s: float = 0.0) -> Iterator[None]:
        until = time.monotonic() + patience_s
        with (self.folder / name).open("w") as file:
            while True:
                try:
                    fcntl.flock(file, how | fcntl.LOCK_NB)
                    break
                except OSError as error:
                    if time.monotonic() >= until:
                        what = f"the demo is in use: {why_not}"
                        raise DemoError(what, where=str(self.folder)) from error
                time.sleep(0.05)
            yield

    def remove(self) -> None:
        """Delete it with all that is in it, once its site has ended; raises DemoError."""
        for pause_s in (0.1, 0.3, 1.0):  # a job that was killed may write a last line
            with suppress(OSError):
                shutil.rmtree(self.folder)
                break
            time.sleep(pause_s)
        try:
            if self.folder.exists():
                shutil.rmtree(self.folder)
        except OSError as error:
            raise DemoError(
                f"cannot be removed: {error.strerror}", where=str(error.filename),
                hint=f"delete {self.folder} by hand",
            ) from error  # fmt: skip
        if self.is_default:
            with suppress(OSError):  # something else is in it
                self.folder.parent.rmdir()


def _resolved(folder: str) -> Path:
    try:
        return Path(folder).expanduser().resolve()
    except (RuntimeError, OSError) as error:  # no such user, a loop of links
        raise DemoError("leads nowhere", where=folder, hint=_ANOTHER) from error


_ANOTHER = "name another one with --folder"
