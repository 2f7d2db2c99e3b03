"""``jobshape doctor``: what works here, what is missing and how to get it, on one screen."""

import json
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from jobshape import __version__
from jobshape.app.backends.local.config import LocalSite
from jobshape.app.domain.errors import BackendError, ConfigError, NoSite
from jobshape.app.domain.text import sanitize
from jobshape.app.settings.folders import cache_folder, config_folder, state_folder
from jobshape.app.settings.values import Loaded
from jobshape.app.sites import Site, choose_site
from jobshape.app.snapshot import Snapshot, Wanted, read_site

SCHEMA = "jobshape.doctor/1"
_MEMORY_LIMITS = re.compile(r"memory limits by (.+)$", re.MULTILINE)
DEADLINE_S = 20.0

Level = Literal["ok", "note", "warn", "fail"]
"""note: a fact that is neither good nor bad; warn: something does not work; fail: a main thing."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    section: str
    name: str
    level: Level
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything looked at; ``site_found`` says whether there is a scheduler at all."""

    checks: tuple[Check, ...]
    site_found: bool

    @property
    def exit_code(self) -> int:
        """0 fine, 1 something important is missing, 2 no site."""
        if not self.site_found:
            return 2
        return int(any(check.level == "fail" for check in self.checks))


def examine(loaded: Loaded, problems: Iterable[ConfigError]) -> Diagnosis:
    """Look at everything; takes as long as the site, at most some seconds over DEADLINE_S."""
    site = list(_site_checks(loaded))
    checks = [*_program_checks(), *site, *_terminal_checks(), *_file_checks(loaded, problems)]
    found = not any(check.name == "site" and check.level == "fail" for check in site)
    return Diagnosis(tuple(checks), found)


# --- the program ---------------------------------------------------------------------------


def _program_checks() -> Iterator[Check]:
    section = f"jobshape {__version__}"
    python = ".".join(map(str, sys.version_info[:3]))
    textual = _version_of("textual") or "not installed"
    yield Check(section, "Python", "ok", f"{python}, {sys.executable}; Textual {textual}")
    uncompiled = [name for name in ("jobshape.app.snapshot", "textual.app") if not _compiled(name)]
    if uncompiled:
        yield Check(
            section, "bytecode", "warn", f"not compiled: {', '.join(uncompiled)}",
            "starts are 4 times slower; install with --compile-bytecode (uv), --compile (pip)",
        )  # fmt: skip


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _compiled(module: str) -> bool:
    spec = find_spec(module)
    return bool(spec and spec.cached and Path(spec.cached).is_file())


# --- the site ------------------------------------------------------------------------------


def _site_checks(loaded: Loaded) -> Iterator[Check]:
    choice = loaded.settings.site
    try:
        site = choose_site(loaded)
    except (NoSite, ConfigError) as error:
        yield Check("Site", "found by", "note", _found_by(choice.backend, choice.ssh))
        what = f"{error.where}: {error.what}" if error.where else error.what
        yield Check("Site", "site", "fail", what, error.hint)
        return
    yield _chosen_check(site)
    if site.local:
        yield from _local_checks(site.local)
    wanted = Wanted(
        site.backend, site.ssh, site.local.head() if site.local else None, choice.scope,
        deadline_s=DEADLINE_S, gpu=site.gpu_sources(loaded.settings.usage.gpu_probe),
    )  # fmt: skip
    try:
        snapshot = read_site(wanted)
    except NoSite as error:
        yield Check("Site", "site", "fail", error.what, error.hint)
        return
    if snapshot.capabilities is None:
        trouble = snapshot.errors["site"]
        text = f"{trouble.where}: {trouble.what}" if trouble.where else trouble.what
        hint = trouble.hint or ("" if site.local else "is the controller up? try `sinfo`")
        yield Check("Site", "answer", "fail", text, hint)
        return
    yield from _answer_checks(snapshot, site)


def _chosen_check(site: Site) -> Check:
    page = site.page
    text = f"{page.name} ({page.title}), {site.reason}: {_found_by(site.backend, site.ssh)}"
    return Check("Site", "found by", "note", text if page.shipped else f"{text}; {page.path}")


def _local_checks(site: LocalSite) -> Iterator[Check]:
    """Its folder and scheduler, without starting one."""
    from jobshape.app.backends.local.folder import SiteFolder
    from jobshape.app.backends.local.launch import running_pid

    folder = SiteFolder(site.folder)
    made = "" if folder.path.exists() else " (made with the first job)"
    yield Check("Site", "folder", "ok", f"{folder.path}{made}")
    pid = running_pid(folder)
    runs = f"process {pid}" if pid else "does not run; the first job starts it"
    limits = _memory_limits(folder.log)
    how = f"; memory limits by {limits}" if limits else ""
    yield Check("Site", "scheduler", "ok", f"{runs}{how}")
    yield _gpus_check(site)


def _gpus_check(site: LocalSite) -> Check:
    """The GPUs that may be given away, or why there are none."""
    from jobshape.app.backends.local.gpus import RealNvml, RecordedNvml, gpu_types

    if site.gpus == "none":
        return Check("Site", "GPUs", "note", "none: the page says so (local.gpus)")
    try:
        found = (RealNvml() if site.gpus == "auto" else RecordedNvml(site.gpus)).gpus()
    except BackendError as error:
        where = f"{error.where}: " if error.where else ""
        level: Level = "note" if site.gpus == "auto" else "fail"
        return Check("Site", "GPUs", level, f"none: {where}{error.what}", error.hint)
    text = f"{gpu_types(found)}, through NVML" if found else "none: NVML knows of none"
    return Check("Site", "GPUs", "ok" if found else "note", text)


def _memory_limits(log: Path) -> str:
    """What a scheduler said at its last start of how it limits memory; empty if it never did."""
    with suppress(OSError):
        told = _MEMORY_LIMITS.findall(log.read_text("utf-8", "replace"))
        return told[-1] if told else ""
    return ""


def _found_by(backend: str, ssh: str) -> str:
    if ssh:
        return f"commands on {ssh}, through {shutil.which('ssh') or 'ssh (not on PATH)'}"
    signs = []
    if os.environ.get("SLURM_CONF"):
        signs.append(f"SLURM_CONF={os.environ['SLURM_CONF']}")
    squeue = shutil.which("squeue")
    signs.append(squeue or "no squeue on PATH")
    if find_spec("pyslurm") is None:
        signs.append("pyslurm not installed")
    else:
        signs.append(f"pyslurm {_version_of('pyslurm') or 'of unknown version'}")
    return ", ".join(signs) + ("" if backend == "local" else f" (backend: {backend})")


def _answer_checks(snapshot: Snapshot, chosen: Site) -> Iterator[Check]:
    site = snapshot.capabilities
    assert site is not None
    whose = f"user {site.user}" + (
        f", accounts {', '.join(site.accounts)}" if site.accounts else ""
    )
    yield Check(
        "Site", "cluster", "ok", f"{site.cluster or '?'}: {site.scheduler_version}, {whose}"
    )
    yield Check("Site", "backend", "ok", site.source)
    if site.backend == "commands" and not chosen.ssh:
        reason = _why_not_pyslurm()
        if reason:
            yield Check("Site", "pyslurm", "note", f"not used: {reason}", _pyslurm_hint(site))
    for part, count in (
        ("queue", snapshot.queue), ("partitions", snapshot.partitions), ("nodes", snapshot.nodes),
    ):  # fmt: skip
        if count is not None:
            took_ms = 1000 * snapshot.took_s.get(part, 0)
            yield Check("Site", part, "ok", f"{len(count)} in {took_ms:.0f} ms")
        else:
            level: Level = "fail" if part == "queue" else "warn"
            error = snapshot.errors[part]
            yield Check("Site", part, level, error.what, error.hint)
    if snapshot.unread:
        yield Check("Site", "not understood", "warn", f"{snapshot.unread} records of the queue",
                    "please report them with your Slurm's version")  # fmt: skip
    for name, feature in site.features.items():
        if site.backend == "local" and not feature.available:
            continue  # what one machine does not have is no trouble; GPUs were looked at
        if name == "private_data":
            if feature.detail:
                yield Check("Site", "private data", "note", feature.detail, feature.hint)
        else:
            level = "ok" if feature.available else "warn"
            text = feature.detail or ("available" if feature.available else "not available")
            yield Check("Site", name.replace("_", " "), level, text, feature.hint)


def _why_not_pyslurm() -> str | None:
    from jobshape.app.backends.pyslurm.library import why_not

    return why_not()


def _pyslurm_hint(site: object) -> str:
    release = ".".join(getattr(site, "scheduler_version", "").split(" ")[-1].split(".")[:2])
    return f"pip install 'pyslurm=={release}.*' if there is one for your Slurm" if release else ""


# --- the terminal --------------------------------------------------------------------------


def _terminal_checks() -> Iterator[Check]:
    if sys.stdout is None or not sys.stdout.isatty():
        yield Check("Terminal", "screen", "note", "output goes to a file or pipe")
    else:
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
        small = columns < 80 or lines < 24
        yield Check("Terminal", "size", "warn" if small else "ok", f"{columns}x{lines}",
                    "80x24 is the least that shows everything" if small else "")  # fmt: skip
    yield Check("Terminal", "colours", "ok", _colours())
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "")
    if encoding == "utf8":
        yield Check("Terminal", "text", "ok", "UTF-8")
    else:
        yield Check("Terminal", "text", "warn", f"{encoding or 'unknown'}, not UTF-8",
                    "set LANG=C.UTF-8, or use --ascii")  # fmt: skip


def _colours() -> str:
    term = os.environ.get("TERM", "")
    if os.environ.get("NO_COLOR"):
        return "off (NO_COLOR is set)"
    if os.environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return f"16 million (TERM={term})"
    count = _terminfo_colours()
    return f"{count if count is not None else 'unknown'} (TERM={term})"


def _terminfo_colours() -> int | None:
    try:
        import curses
    except ImportError:  # a Python built without it
        return None
    try:
        curses.setupterm(fd=2)
    except (curses.error, OSError, ValueError):  # no TERM, or an unknown one
        return None
    return max(0, curses.tigetnum("colors"))


# --- files ---------------------------------------------------------------------------------


def _file_checks(loaded: Loaded, problems: Iterable[ConfigError]) -> Iterator[Check]:
    for problem in problems:
        yield Check("Files", "settings", "fail", f"{problem.where}: {problem.what}", problem.hint)
    if loaded.files:
        yield Check("Files", "settings", "ok", ", ".join(map(str, loaded.files)))
    else:
        path = config_folder() / "config.toml"
        yield Check("Files", "settings", "note", f"defaults; your own go into {path}")
    for name, folder in (("state", state_folder()), ("cache", cache_folder())):
        yield _folder_check(name, folder)


def _folder_check(name: str, folder: Path) -> Check:
    try:
        status = folder.stat()
    except FileNotFoundError:
        return _future_folder_check(name, folder)
    except OSError as error:
        return Check("Files", name, "warn", f"{folder}: {error.strerror}")
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.geteuid():
        return Check("Files", name, "warn", f"{folder} belongs to somebody else",
                     f"set JOBSHAPE_{name.upper()}_DIR to a folder of yours")  # fmt: skip
    if not os.access(folder, os.W_OK | os.X_OK):
        return Check("Files", name, "warn", f"{folder} cannot be written", "check its permissions")
    if mode & 0o077:
        return Check("Files", name, "warn", f"{folder} is open to others ({mode:04o})",
                     f"chmod 700 {folder}")  # fmt: skip
    return Check("Files", name, "ok", f"{folder} ({mode:04o})")


def _future_folder_check(name: str, folder: Path) -> Check:
    parent = next(path for path in folder.parents if path.exists())
    if os.access(parent, os.W_OK | os.X_OK):
        return Check("Files", name, "ok", f"{folder} (made when needed)")
    return Check("Files", name, "warn", f"{folder} cannot be made: {parent} cannot be written",
                 f"set JOBSHAPE_{name.upper()}_DIR to a folder you can write")  # fmt: skip


# --- for people and scripts ----------------------------------------------------------------

_TOGETHER = {
    "readings": ("queue", "partitions", "nodes"),
    "available": ("accounting", "usage", "script", "submit"),
}
_TITLES = {name: title for title, names in _TOGETHER.items() for name in names}
_COLOURS: dict[Level, str] = {"ok": "32", "note": "36", "warn": "33", "fail": "31"}


def text(diagnosis: Diagnosis, *, colour: bool) -> Iterator[str]:
    """Lines for people; the level is a word, colour only adds to it."""
    section = ""
    for check in _shortened(diagnosis.checks):
        if check.section != section:
            section = check.section
            yield section
        mark = f"{check.level:<4}"
        if colour:
            mark = f"\x1b[{_COLOURS[check.level]}m{mark}\x1b[0m"
        yield f"  {mark}  {check.name:<14} {sanitize(check.text)}"
        if check.hint:
            yield f"        {'':<14} -> {sanitize(check.hint)}"
    yield ""
    yield _verdict(diagnosis)


def _shortened(checks: Iterable[Check]) -> Iterator[Check]:
    """The checks, those that went well on a line for each of _TOGETHER: all fit on a screen."""
    rows: dict[str, Check] = {}
    for check in checks:
        title = _TITLES.get(check.name, "") if check.level == "ok" and not check.hint else ""
        told = check.name if title == "available" else f"{check.name}: {check.text}"
        if not title:
            rows[f"{len(rows)} {check.name}"] = check
        elif title in rows:
            rows[title] = replace(rows[title], text=f"{rows[title].text}, {told}")
        else:
            rows[title] = replace(check, name=title, text=told)
    yield from rows.values()


def _verdict(diagnosis: Diagnosis) -> str:
    if not diagnosis.site_found:
        return "No site was found: jobshape has nothing to watch here."
    counts = {level: sum(c.level == level for c in diagnosis.checks) for level in _COLOURS}
    if counts["fail"]:
        return f"{counts['fail']} important thing(s) missing, {counts['warn']} to look at."
    return f"Works; {counts['warn']} thing(s) to look at." if counts["warn"] else "All is well."


def as_json(diagnosis: Diagnosis) -> str:
    """The same for scripts."""
    document = {
        "schema": SCHEMA,
        "jobshape": __version__,
        "site_found": diagnosis.site_found,
        "exit_code": diagnosis.exit_code,
        "checks": [asdict(check) for check in diagnosis.checks],
    }
    return json.dumps(document, indent=1)
