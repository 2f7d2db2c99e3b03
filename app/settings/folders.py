"""Where settings, state and caches lie: the user's own folders, closed to others."""

import os
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from jobshape.app.domain.errors import ConfigError

PRIVATE_FOLDER_MODE = 0o700
PRIVATE_FILE_MODE = 0o600
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_APP = "jobshape"
_PROJECT_FILES = (".jobshape.toml", "jobshape.toml")
_PROJECT_RULES = (".jobshape/rules.toml",)
_PROJECT_TEMPLATES = (".jobshape/templates",)


def config_folder() -> Path:
    """``JOBSHAPE_CONFIG_DIR``, else the platform's place for settings (``$XDG_CONFIG_HOME``)."""
    return _folder("JOBSHAPE_CONFIG_DIR", "config")


def state_folder() -> Path:
    """``JOBSHAPE_STATE_DIR``, else the platform's place for state (``$XDG_STATE_HOME``)."""
    return _folder("JOBSHAPE_STATE_DIR", "state")


def cache_folder() -> Path:
    """``JOBSHAPE_CACHE_DIR``, else the platform's place for caches (``$XDG_CACHE_HOME``)."""
    return _folder("JOBSHAPE_CACHE_DIR", "cache")


def _folder(variable: str, kind: str) -> Path:
    chosen = os.environ.get(variable)
    if chosen:
        try:
            return Path(chosen).expanduser().absolute()
        except (RuntimeError, OSError) as error:  # no such user; the working folder is gone
            raise ConfigError(
                f"{chosen!r} leads nowhere", where=f"environment variable {variable}",
                hint="give it a full path",
            ) from error  # fmt: skip
    from platformdirs import PlatformDirs

    try:
        path: Path = getattr(PlatformDirs(_APP, appauthor=False), f"user_{kind}_path")
        if not path.is_absolute():  # what older platformdirs give
            raise RuntimeError(f"{path} is no full path")
    except RuntimeError as error:
        raise ConfigError(
            f"your home folder is not known: {error}", hint=f"set HOME, or {variable}"
        ) from error
    return path


def make_private(folder: Path) -> Path:
    """The folder, made with mode 0700 if it was not there (its parents as the umask says).

    Raises OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=PRIVATE_FOLDER_MODE, exist_ok=True)
    return folder


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step: readers see the old text or the new, never half; mode 0600.

    Raises OSError.
    """
    make_private(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, _NEW_FILE, PRIVATE_FILE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def set_aside(path: Path) -> Path | None:
    """Rename a file that makes no sense to ``NAME.bad-TIME``, so that nothing in it is lost.

    Gives the new name; None where it could not be renamed.
    """
    aside = path.with_name(f"{path.name}.bad-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        path.rename(aside)
    except OSError:
        return None
    return aside


def _is_trusted(path: Path) -> bool:
    is_open = path.parent.stat().st_mode & stat.S_IWOTH
    return not is_open or path.stat().st_uid in (0, os.geteuid())


def rule_paths(start: Path | None = None, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Where one's own failure rules lie, the strongest last: ``CONFIG/rules``, the project's file.

    The project's is the nearest ``.jobshape/rules.toml``, found as ``project_file`` finds its own.
    """
    project = _nearest(_PROJECT_RULES, start, environ)
    return [config_folder() / "rules", *([project] if project else [])]


def template_folders(
    start: Path | None = None, environ: Mapping[str, str] = os.environ
) -> list[Path]:
    """Where scripts to start from lie, the first that has a stage wins: project, person, ours."""
    project = _nearest(_PROJECT_TEMPLATES, start, environ, Path.is_dir)
    shipped = Path(__file__).parent.parent / "scripts" / "templates"
    return [*([project] if project else []), config_folder() / "templates", shipped]


def unsent_folder(chosen: str) -> Path:
    """Where scripts go that could not be sent: the folder of the settings, else ``unsent``."""
    return Path(chosen).expanduser() if chosen else state_folder() / "unsent"


def project_file(start: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The nearest ``.jobshape.toml`` or ``jobshape.toml``, from the folder upwards.

    Stops at the home folder, so that nothing above it (a slow automounter) is asked. A file that
    anybody could have put there (another user's, in a folder like ``/tmp``) is passed over.
    """
    return _nearest(_PROJECT_FILES, start, environ)


def _nearest(
    names: tuple[str, ...], start: Path | None, environ: Mapping[str, str],
    is_there: Callable[[Path], bool] = Path.is_file,
) -> Path | None:  # fmt: skip
    try:
        here = (start or Path.cwd()).absolute()
    except OSError:  # the working folder is gone
        return None
    home = environ.get("HOME")
    for folder in (here, *here.parents):
        for name in names:
            path = folder / name
            held = [path, *path.parents][: len(Path(name).parts)]
            try:
                if is_there(path) and all(map(_is_trusted, held)):
                    return path
            except OSError:
                continue
        if home and str(folder) == home:
            break
    return None
