"""Starts the demo, joins one that runs, or removes it."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobshape.app.acting.keeping import Keeper, keeper
from jobshape.app.backends.base import Backend, Scope
from jobshape.app.collector.choose import choose_backend
from jobshape.app.demo.place import DemoError, Place
from jobshape.app.demo.plan import ROUNDS, Planned, batch
from jobshape.app.domain.action import new_batch
from jobshape.app.domain.errors import BackendError, BadRequest, NoSite
from jobshape.app.domain.job import Job
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.states import is_finished
from jobshape.app.history.place import name_in_history
from jobshape.app.launch import check_terminal, launch
from jobshape.app.scripts.draft import Project, record_of
from jobshape.app.settings.load import load_settings
from jobshape.app.settings.values import Loaded
from jobshape.app.site_check import why_not_local
from jobshape.app.sites import Site, choose_site

Say = Callable[[str], object]
Options = Mapping[str, tuple[Any, str]]

_STUCK = frozenset({"DependencyNeverSatisfied", "JobHeldUser"})


def run_demo(
    options: Options, folder: str | None, *, screen: bool, filter_text: str, say: Say
) -> int:
    """Show the demo, with new jobs unless some are still to run; gives the exit code.

    Raises NoTerminal, NoSite, ConfigError, DemoError before anything is started.
    """
    for name in ("site.name", "site.backend", "site.ssh"):
        if name in options:
            what = f"the demo has a site of its own, so {options[name][1]} makes no sense"
            raise DemoError(what, hint="leave it out")
    if screen:
        check_terminal()
    place = Place(folder)
    if why := why_not_local(place.site):
        raise NoSite(f"this machine cannot be the demo's site: {why}", hint="try --folder")
    load_settings(options)
    place.make()
    place.keep_here()
    own = {"site.name": str(place.page), "policy.jobs_in_flight": 0}  # its pipeline is many jobs
    named = {**options, **{name: (value, "jobshape demo") for name, value in own.items()}}
    loaded = load_settings(named, start=place.folder)
    site = choose_site(loaded)
    with place.in_use():
        said = _fill(place, site, loaded)
        if not screen:
            say(said)
            say(_afterwards(place))
            return 0
        code = launch(loaded, site, filter_text=filter_text, history_folder=place.folder)
    say(f"The demo's jobs go on. {_afterwards(place)}")
    return code


def _afterwards(place: Place) -> str:
    again, clean = _command(place), _command(place, "--clean")
    site = f"cd {shlex.quote(str(place.folder))}; {_program()} --site {place.page.name}"
    return (
        f"See it with `{again}`; `{clean}` ends and removes it. Commands about its jobs, like"
        f" stages: `{site} stages`"
    )


def _command(place: Place, *options: str) -> str:
    """The demo's command as the person began it: people with a checkout say `make demo`."""
    folder = () if place.is_default else ("--folder", str(place.folder))
    words = (*folder, *options)
    if "MAKELEVEL" not in os.environ:
        return shlex.join(("jobshape", "demo", *words))
    return f"make demo ARGS={shlex.quote(shlex.join(words))}" if words else "make demo"


def _program() -> str:
    """What runs jobshape: a checkout's lies in its .venv, which is on nobody's PATH."""
    installed = Path(sys.executable).with_name("jobshape")
    if "MAKELEVEL" in os.environ and installed.is_file():
        return shlex.quote(str(installed))
    return "jobshape"


# --- jobs ----------------------------------------------------------------------------------


def _fill(place: Place, site: Site, loaded: Loaded) -> str:
    """Submit a batch of rounds, unless there is still something to run; says which."""
    assert site.local is not None
    _, backend = choose_backend("local", local=site.local.head())
    with place.submitting():
        jobs = backend.queue(Scope.MINE).jobs
        left = [job for job in jobs if _goes_on(job)]
        if left:
            return f"The demo goes on: {len(left)} jobs are running or still to run."
        waiting = {job.name for job in jobs if not is_finished(job.state)}
        where = name_in_history(site.page.name)
        with keeper(loaded.settings, where, place.folder) as history:
            count = _submit(backend, place, waiting, history)
        _begin_campaign(place, loaded)
        return f"{count} jobs submitted in {place.folder}."


def _begin_campaign(place: Place, loaded: Loaded) -> None:
    """Start the workload in rounds, unless the one of an earlier start is still under way."""
    from jobshape.app.rounds.reading import MANIFEST_NAME, read_manifest
    from jobshape.app.rounds_control import start_campaign

    os.environ["DEMO_PYTHON"] = sys.executable
    with suppress(BadRequest):
        start_campaign(loaded, read_manifest(place.folder / MANIFEST_NAME))


def _goes_on(job: Job) -> bool:
    return not is_finished(job.state) and job.reason not in _STUCK


def _submit(backend: Backend, place: Place, waiting: set[str], history: Keeper) -> int:
    """Submit the next batch, without what waits there already; gives how many.

    As when a person does, every job is in history, here as one action with all of its batch.
    """
    first = place.rounds + 1
    place.count_rounds(place.rounds + ROUNDS)
    ids: dict[str, int] = {}
    together = new_batch()
    for planned in batch(first):
        if planned.name in waiting:
            continue
        request = _request(place, planned, ids)
        path = str(place.folder / planned.script)
        kept = history.begin(record_of(request, Project(), path=path, batch=together))
        try:
            ids[planned.name] = backend.submit(request)
        except BackendError as error:
            history.end(kept, None, error)
            raise
        history.end(kept, ids[planned.name])
    return len(ids)


def _request(place: Place, planned: Planned, ids: Mapping[str, int]) -> SubmitRequest:
    after = ",".join(f"{kind}:{ids[name]}" for kind, name in planned.after if name in ids)
    script = (place.folder / planned.script).read_text("utf-8")
    if planned.begin_s:
        first, _, rest = script.partition("\n")
        script = f"{first}\n#SBATCH --begin=now+{planned.begin_s}\n{rest}"
    return SubmitRequest(
        script=script,
        arguments=("--round", str(planned.round)),
        name=planned.name,
        work_dir=str(place.folder),
        partition=planned.partition,
        dependency=after or None,
        hold=planned.hold,
        environment={**os.environ, "DEMO_PYTHON": sys.executable},
    )


# --- the end -------------------------------------------------------------------------------


def clean_demo(folder: str | None, *, sure: bool, say: Say) -> int:
    """Remove the demo with its jobs, after asking; gives the exit code. Raises DemoError."""
    place = Place(folder)
    if not place.exists:
        say(f"There is no demo in {place.folder}: nothing to remove.")
        return 0
    if not sure and not _agreed(place, say):
        say("Nothing was removed.")
        return 0
    from jobshape.app import rounds_process

    with place.alone(), place.submitting():
        rounds_process.stop(place.page.stem, place.state)
        _end_site(str(place.site))
        place.remove()
    say(f"Removed {place.folder} and ended its jobs.")
    return 0


def _end_site(folder: str) -> None:
    """End the scheduler and its jobs. Raises DemoError."""
    from jobshape.app.backends.local.supervisor import stop_supervisor

    try:
        stop_supervisor(folder, kill_jobs=True)
    except BackendError as error:
        raise DemoError(
            f"its jobs cannot be ended: {error.what}", where=error.where, hint=error.hint
        ) from error


def _agreed(place: Place, say: Say) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        hint = f"`{_command(place, '--clean', '--yes')}` asks nothing"
        raise DemoError("there is nobody to ask", hint=hint)
    count, size = _contents(place.folder)
    say(f"This ends every job of the demo and removes {place.folder}")
    say(f"with its {count} files ({size / (1 << 20):.1f} MiB).")
    sys.stdout.write("Remove it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _contents(folder: Path) -> tuple[int, int]:
    count = size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(Path(parent) / name).st_size
            except FileNotFoundError:
                continue
            count += 1
    return count, size
