"""The sites' pages: those that come with jobshape, and the person's own beside or over them.

``CONFIG/sites/NAME.toml`` adds a site or stands in for the one of that name that is shipped.
A page is checked when it has changed; after that the cache has it, as it has the settings. What
its fields are is imported only where more than the kind is asked for: it costs 6 ms of a start.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobshape.app.domain.errors import ConfigError
from jobshape.app.settings import cache
from jobshape.app.settings.folders import config_folder, state_folder

if TYPE_CHECKING:
    from jobshape.app.backends.local.config import LocalPartition, LocalSite
    from jobshape.app.settings.site_values import PagePartition, SitePage

SHIPPED = Path(__file__).parent / "site_pages"
_FIELDS = Path(__file__).with_name("site_values.py")
_FOR_EVER_S = 100.0 * 365 * 86400
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Page:
    """One site's page and where it was read; ``said`` is what stands in it, nested and plain."""

    name: str
    said: Mapping[str, Any]
    path: Path

    @property
    def values(self) -> "SitePage":
        """All its fields; what it does not say is default."""
        from jobshape.app.settings.site_values import build_page

        return build_page(self.said)

    @property
    def kind(self) -> str:
        """``slurm``, ``local`` or ``planning``."""
        return str(self.said["kind"])

    @property
    def shipped(self) -> bool:
        """Whether it came with jobshape."""
        return self.path.parent == SHIPPED

    @property
    def title(self) -> str:
        """What people call the site."""
        return self.said.get("title") or self.name


def pages_folder() -> Path:
    """Where a person's own pages lie."""
    return config_folder() / "sites"


def page_paths() -> dict[str, Path]:
    """Every site by name, with the page that holds. Raises ConfigError for a name none can have."""
    paths = {path.stem: path for path in SHIPPED.glob("*.toml")}
    for path in _own_pages():
        if not _NAME.fullmatch(path.stem) or path.stem == "auto":
            raise ConfigError(
                f"{path.stem!r} cannot be the name of a site", where=str(path),
                hint="rename the page: letters, digits, - and _, but not `auto`",
            )  # fmt: skip
        paths[path.stem] = path
    return dict(sorted(paths.items(), key=lambda item: (not _is_shipped(item[1]), item[0])))


def _is_shipped(path: Path) -> bool:
    return path.parent == SHIPPED


def _own_pages() -> Iterator[Path]:
    folder = pages_folder()
    try:
        yield from sorted(folder.glob("*.toml"))
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}", where=str(folder), hint="check its permissions"
        ) from error


def find_page(name: str) -> Page:
    """The page of a name, or of a path (with a ``/`` or ``.toml`` in it). Raises ConfigError."""
    if "/" in name or name.endswith(".toml"):
        path = _full_path(name, where="")
        if not _is_there(path):
            raise ConfigError("there is no such page", where=str(path), hint=_known_sites())
        return read_page(path)
    own = pages_folder() / f"{name}.toml"
    if _NAME.fullmatch(name):
        for path in (own, SHIPPED / own.name):
            if _is_there(path):
                return read_page(path)
    raise ConfigError(f"there is no site {name!r}", hint=_known_sites())


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # reading it will say so
        return True
    except OSError:
        return False


def _full_path(text: str, *, where: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # no such user; the working folder is gone
        raise ConfigError(
            f"{text!r} leads nowhere", where=where, hint="give it a full path"
        ) from error


def _known_sites() -> str:
    return f"known: {', '.join(page_paths())}; `jobshape sites` tells more"


def read_page(path: Path) -> Page:
    """The page in a file. Raises ConfigError that names file, line and field."""
    key = cache.key_of((path, _FIELDS), {}, ())
    cached = cache.load(key)
    if cached is None:
        values = _read_shipped(path) if _is_shipped(path) else _read_checked(path)
        cache.save(key, values, {})
    else:
        values = cached[0]
    page = Page(path.stem, values, path)
    if page.name in ("local", "slurm") and page.kind != page.name:
        raise ConfigError(
            f"a page of this name must have kind = {page.name!r}", where=f"{path}: kind",
            hint="these two are what jobshape finds by itself; give yours another name",
        )  # fmt: skip
    return page


def _read_shipped(path: Path) -> dict[str, Any]:
    """Those that come with jobshape are checked by its tests, not at a start."""
    import tomllib

    return tomllib.loads(path.read_text("utf-8"))


def _read_checked(path: Path) -> dict[str, Any]:
    from jobshape.app.settings.merge import read_page as read

    return read(path)


def local_site(page: Page) -> "LocalSite":
    """What the local backend has to know of a page of kind ``local``."""
    from jobshape.app.backends.local.config import DEFAULT_PARTITIONS, LocalSite
    from jobshape.app.domain.units import parse_size

    values, own = page.values, page.values.local
    folder = _default_folder(page)
    if own.folder:
        folder = _full_path(own.folder, where=f"{page.path}: local.folder")
    return LocalSite(
        folder=str(folder),
        name=page.name,
        cpus=values.limits.cpus or None,
        memory_bytes=parse_size(values.limits.memory),
        gpus=own.gpus,
        gpu_busy_bytes=parse_size(own.gpu_busy) or 0,
        idle_exit_s=_span_s(own.idle_exit) or 600.0,
        keep_finished_s=_span_s(own.keep_finished),
        partitions=tuple(map(_local_partition, values.partitions)) or DEFAULT_PARTITIONS,
    )


def _span_s(text: str) -> float:
    """Seconds of a duration, with UNLIMITED as a number that a sum or a comparison can have."""
    from jobshape.app.domain.job import UNLIMITED
    from jobshape.app.domain.units import parse_duration

    seconds = parse_duration(text) or 0
    return _FOR_EVER_S if seconds == UNLIMITED else float(seconds)


def _default_folder(page: Page) -> Path:
    return state_folder() / ("local" if page.name == "local" else f"local-{page.name}")


def _local_partition(page: "PagePartition") -> "LocalPartition":
    from jobshape.app.backends.local.config import LocalPartition
    from jobshape.app.domain.job import UNLIMITED
    from jobshape.app.domain.units import parse_duration, parse_size

    most_s = parse_duration(page.time_limit)
    given: dict[str, Any] = {
        "time_limit_s": None if most_s == UNLIMITED else most_s,
        "default_time_s": parse_duration(page.default_time),
        "default_memory_bytes": parse_size(page.default_memory),
        "head_start_s": parse_duration(page.head_start),
    }
    known = {name: value for name, value in given.items() if value is not None}
    made = LocalPartition(page.name, role=page.role, **known)
    if made.time_limit_s is not None and made.default_time_s > made.time_limit_s:
        return made._replace(default_time_s=made.time_limit_s)
    return made
