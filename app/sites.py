"""Which site a command talks to: the one named, else the Slurm found here, else this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobshape.app.domain.cost import Prices
from jobshape.app.domain.errors import ConfigError, JobshapeError, NoSite
from jobshape.app.settings.pages import Page, find_page, local_site
from jobshape.app.settings.values import Loaded
from jobshape.app.site_check import check_slurm, slurm_found, why_not_local

if TYPE_CHECKING:
    from jobshape.app.backends.local.config import LocalSite
    from jobshape.app.preflight.place import Place

_AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Site:
    """The site that holds, how to talk to it, and why it is this one.

    backend: as the collector takes it; local is given where it is ``local``.
    """

    page: Page
    backend: str
    ssh: str
    local: "LocalSite | None"
    reason: str

    @property
    def prices(self) -> Prices:
        """What it charges, as far as its page says."""
        return Prices(**self.page.said.get("cost", {}))

    def gpu_sources(self, probe: bool) -> dict[str, Any]:
        """Where GPU figures come from, the head of GpuSources. probe: whether a setting lets us."""
        return {"dcgm_url": self.page.said.get("usage", {}).get("dcgm_url", ""), "probe": probe}


def choose_site(loaded: Loaded) -> Site:
    """The site for these settings; asks nobody, may take 0.1 s to try pyslurm.

    A Slurm that is there but does not answer is chosen all the same: its trouble must be seen.
    Raises ConfigError for a site that is not known, not for watching or a page that is wrong,
    NoSite where it is clear that nothing can be watched.
    """
    choice = loaded.settings.site
    _check_agreement(loaded)
    name, reason = choice.name, loaded.origins["site.name"]
    if name == _AUTO:
        name, reason = _found(loaded)
    try:
        page = find_page(name)
    except ConfigError as error:
        if error.where or choice.name == _AUTO:
            raise
        raise ConfigError(error.what, where=_where(reason), hint=error.hint) from error
    return _site(page, loaded, reason)


def _site(page: Page, loaded: Loaded, reason: str) -> Site:
    kind = page.kind
    if kind == "planning":
        raise ConfigError(
            f"the site {page.name!r} is for planning only: jobshape cannot watch it",
            where=_where(reason), hint=f"`jobshape sites {page.name}` shows its page",
        )  # fmt: skip
    if kind == "local":
        site = local_site(page)
        if why := why_not_local(Path(site.folder)):
            what = f"this machine cannot be the site {page.name!r}: {why}"
            raise NoSite(what, hint="name a Slurm with --ssh HOST")
        return Site(page, "local", "", site, reason)
    backend, ssh = _how(page, loaded)
    check_slurm(backend, ssh)
    return Site(page, backend, ssh, None, reason)


def place_of(site: Site) -> "Place":
    """What the checks before a submission have to know of a site."""
    from jobshape.app.preflight.place import Place

    partitions = site.local.partitions if site.local else site.page.values.partitions
    return Place(
        name=site.page.name, ssh=site.ssh, roles={one.name: one.role for one in partitions},
        most_jobs=site.page.said.get("limits", {}).get("jobs", 0),
        heeds_variables=not site.ssh and site.local is None,
    )  # fmt: skip


def why_not(page: Page, loaded: Loaded) -> str:
    """Why a site cannot be used here; empty if nothing speaks against it."""
    if page.kind == "planning":
        return "for planning only"
    try:
        _site(page, loaded, "")
    except JobshapeError as error:
        return error.what
    return ""


def _how(page: Page, loaded: Loaded) -> tuple[str, str]:
    """Backend and ssh host: the command line's, else the page's, else the other settings'."""
    choice, own = loaded.settings.site, page.said.get("slurm", {})
    backend: str = choice.backend
    ssh = choice.ssh
    if own.get("backend", _AUTO) != _AUTO and not _typed(loaded, "site.backend"):
        backend = own["backend"]
    if own.get("ssh") and not _typed(loaded, "site.ssh"):
        ssh = own["ssh"]
    return (_AUTO if backend == "local" else backend), ssh


def _typed(loaded: Loaded, name: str) -> bool:
    return loaded.origins[name].startswith("command line")


def _found(loaded: Loaded) -> tuple[str, str]:
    """The site's name where none was named, and why."""
    choice = loaded.settings.site
    if choice.backend == "local" and not _typed(loaded, "site.ssh"):
        return "local", "backend: local"
    if choice.ssh or choice.backend != _AUTO:
        return "slurm", "asked for"
    if found := slurm_found():
        return "slurm", found
    if why := why_not_local(Path(local_site(find_page("local")).folder)):
        what = f"no Slurm on this machine, and it cannot be a site by itself: {why}"
        raise NoSite(what, hint="run jobshape on a login node, or name one with --ssh HOST")
    return "local", "no Slurm here"


def _check_agreement(loaded: Loaded) -> None:
    """Raises ConfigError where two things are asked for at once; what is typed beats a setting."""
    choice, origins = loaded.settings.site, loaded.origins
    typed = [name for name in ("site.backend", "site.ssh") if _typed(loaded, name)]
    if choice.backend == "local" and choice.ssh and len(typed) != 1:
        raise ConfigError(
            "the backend `local` is this machine, not another host",
            where=_where(origins["site.ssh"]), hint="leave out one of backend and ssh",
        )  # fmt: skip
    if choice.name == _AUTO or not typed:
        return
    is_local = find_page(choice.name).kind == "local"
    for name in typed:
        fits = choice.backend == _AUTO or (choice.backend == "local") == is_local
        if name == "site.ssh":
            fits = not is_local
        if not fits:
            option = origins[name].removeprefix("command line ")
            raise ConfigError(
                f"{option} does not fit the site {choice.name!r}",
                where=_where(origins["site.name"]), hint="leave out one of the two",
            )  # fmt: skip


def _where(origin: str) -> str:
    """Where a setting was made, for an error; nothing to say of a site that was found."""
    return origin if origin.startswith(("command line", "environment", "/")) else ""
