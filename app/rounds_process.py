"""``python -m jobshape.app.rounds_process SITE``: the process that runs a site's campaigns.

It goes on when the terminal is gone, ends when no campaign has anything left to do, and holds a
lock, so that there is never a second one of a site.
"""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from jobshape.app.acting.git import project_of
from jobshape.app.acting.keeping import keeper
from jobshape.app.asking import ask, wanted_of
from jobshape.app.backends.base import Backend
from jobshape.app.check_report import check, variables_of
from jobshape.app.collector.choose import choose_backend
from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.check import CheckLine
from jobshape.app.domain.errors import BackendError, JobshapeError, Unreachable
from jobshape.app.history.place import name_in_history
from jobshape.app.log import start_log
from jobshape.app.preflight.subject import subject_of
from jobshape.app.rounds import store as rounds_store
from jobshape.app.rounds.array_script import LOG_FOLDER, Run, submission
from jobshape.app.rounds.campaign_run import CampaignRun, Conditions
from jobshape.app.rounds.runner import Means, Pace, Runner
from jobshape.app.rounds.sending import Sender
from jobshape.app.rounds.store import Store
from jobshape.app.settings.folders import make_private, rule_paths, state_folder
from jobshape.app.settings.load import load_settings
from jobshape.app.settings.values import Loaded
from jobshape.app.sites import Site, choose_site, place_of

START_S = 60.0
STOP_S = 5.0
ALIVE_S = 180.0
"""Each turn freshens the lock file; one older than this is nobody's."""

LOCK_S = 3.0
LOCAL_PACE = Pace(1.0, 5.0)
OWN_RULES = ("smoke", "duplicate", "in_flight")
"""Rules of the pre-flight that a campaign keeps by itself."""


def lock_path(site: str, folder: Path | None = None) -> Path:
    """The file whose lock a running process of this site holds. folder: the state folder."""
    return (folder or state_folder()) / f"rounds-{re.sub('[^A-Za-z0-9._-]', '_', site)}.lock"


def site_key(site: Site, timeout_s: float = 30.0) -> str:
    """The name of a site among those that may share a state folder: of Slurm with its cluster.

    Two clusters that share a home are both the site ``slurm``. Raises BackendError.
    """
    name = name_in_history(site.page.name)
    if name:
        return name
    cluster = ask(wanted_of(site, timeout_s), "capabilities", _cluster_of)
    return f"{site.page.name}@{cluster}"


def _cluster_of(backend: Backend) -> str:
    return backend.capabilities().cluster


def is_running(site: str, folder: Path | None = None) -> bool:
    """Whether a process runs the campaigns of a site, here or on another login node."""
    try:
        descriptor = os.open(lock_path(site, folder), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return bool(_elsewhere(descriptor))
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def _elsewhere(lock: int) -> str:
    """The other machine that shows signs of life in the lock file; locks may not reach so far."""
    host = os.pread(lock, 300, 0).decode("utf-8", "replace").partition(" ")[2].strip()
    is_fresh = time.time() - os.fstat(lock).st_mtime < ALIVE_S
    return host if is_fresh and host != os.uname().nodename else ""


def start(site: str, options: Sequence[str]) -> None:
    """Start one, detached; where one runs the new one ends. Raises Unreachable.

    options: pairs of a setting's name and its value, as the command line gave them.
    """
    # -P: a folder called jobshape in the working directory must not be what runs.
    command = [sys.executable, "-P", "-m", "jobshape.app.rounds_process", site, *options]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True, timeout=START_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"the runner cannot be started: {error}", where=sys.executable) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Unreachable(f"the runner cannot be started: {said[-1] if said else done.returncode}",
                          hint=f"its log is {state_folder() / 'jobshape.log'}")  # fmt: skip


def stop(site: str, folder: Path) -> None:
    """End the process of a site, if one runs here, and wait for it; its jobs go on.

    folder: the state folder.
    """
    path = lock_path(site, folder)
    deadline = time.monotonic() + STOP_S
    while is_running(site, folder) and time.monotonic() < deadline:
        with suppress(OSError, ValueError):
            pid, _, host = path.read_text("utf-8").partition(" ")
            if host.strip() == os.uname().nodename:
                os.kill(int(pid), signal.SIGTERM)
        time.sleep(0.05)


def main() -> int:
    """Fork off the runner; this process ends once it has the lock, or could not be made."""
    site, options = sys.argv[1], dict(one.split("=", 1) for one in sys.argv[2:])
    ear, mouth = os.pipe()
    if os.fork():
        os.close(mouth)
        with os.fdopen(ear, "rb") as file:
            said = file.read().decode("utf-8", "replace")
        if said:
            sys.stderr.write(f"{said}\n")
        return 1 if said else 0
    os.close(ear)
    os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o077)
    runner = None
    with os.fdopen(mouth, "w", encoding="utf-8", errors="replace") as file:
        try:
            runner = _prepare(site, options)
        except JobshapeError as error:
            file.write(str(error))
            return 1
        except Exception as error:
            file.write(f"{type(error).__name__}: {error}")
            raise
    if runner is None:
        return 0
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # whoever started us must not wait for these to be closed
        os.dup2(nowhere, descriptor)
    runner.run()
    return 0


def _prepare(site_name: str, options: dict[str, str]) -> Runner | None:
    """A runner; None where the site has one. Its lock lives as long as the process."""
    make_private(state_folder())
    lock = os.open(lock_path(site_name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW,
                   0o600)  # fmt: skip
    deadline = time.monotonic() + LOCK_S  # one that is just ending still has it
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)
    if _elsewhere(lock):
        return None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()} {os.uname().nodename}\n".encode(), 0)
    given = {name: (value, f"--{name.partition('.')[2]}") for name, value in options.items()}
    page = site_name.partition("@")[0]
    loaded = load_settings({"site.name": (page, "command line"), **given})
    start_log(loaded.settings.log.level, state_folder())
    site = choose_site(loaded)
    found = site_key(site)
    if found != site_name:
        raise Unreachable(
            f"this is {found}, not {site_name}", hint="go to a login node of that one"
        )
    return make_runner(
        loaded, site, site_name, Store.to_write(store_path()), lambda: os.utime(lock)
    )


def store_path() -> Path:
    """Where campaigns are kept."""
    return state_folder() / rounds_store.FILE_NAME


def make_runner(
    loaded: Loaded, site: Site, key: str, store: Store, alive: Callable[[], None]
) -> Runner:
    """A runner for a site, known by its key. alive: called at each turn. Raises JobshapeError."""
    kind = "local" if site.local else "commands"  # pyslurm may end the process it lives in
    head = site.local.head() if site.local else None
    _, backend = choose_backend(kind, site.ssh or None, local=head)
    policy, place = loaded.settings.policy, place_of(site)
    smoke = next((name for name, role in place.roles.items() if role == "smoke"), "")
    conditions = Conditions(
        policy.terms, policy.jobs_in_flight, policy.smoke, smoke, policy.submit_command
    )
    keep = _keeper(loaded, site, backend)

    def make_sender(run: CampaignRun) -> Sender:
        project = project_of(run.folder)
        return Sender(run, backend, lambda record: keep(run, record), lambda: project,
                      remote=bool(site.ssh))  # fmt: skip

    return Runner(store, Means(
        backend, key, conditions, _preflight(loaded, site), make_sender, site.prices,
        [str(path) for path in rule_paths()], LOCAL_PACE if site.local else Pace(), alive=alive,
    ))  # fmt: skip


def _preflight(loaded: Loaded, site: Site) -> Callable[[CampaignRun, int], Sequence[CheckLine]]:
    policy = loaded.settings.policy
    own = replace(policy, off=(*policy.off, *OWN_RULES))
    settings = replace(loaded.settings, policy=own)

    def look(run: CampaignRun, number: int) -> Sequence[CheckLine]:
        job, trial = run.jobs[number], run.full[number]
        make_private(run.folder / LOG_FOLDER)
        made = Run(job.words, run.shape_of(trial), run.script_of(job))
        request = submission([made], name=trial.plan_id, comment="", folder=run.campaign.folder)
        path = str(run.folder / job.recipe.script) if job.recipe.script else ""
        subject = subject_of(
            made.script or request.script, path=path, request=request,
            work_dir=run.campaign.folder, environment=variables_of(site),
        )  # fmt: skip
        return check(replace(loaded, settings=settings), site, subject).lines

    return look


End = Callable[[int | None, BackendError | None], None]


def _keeper(
    loaded: Loaded, site: Site, backend: Backend
) -> Callable[[CampaignRun, SubmissionRecord], End]:
    """Keeps submissions in history, with the campaign that they are of; a trouble stops nothing."""
    settings = loaded.settings
    known: list[str] = []

    def place() -> str:
        if not known:
            known.append(name_in_history(site.page.name) or backend.capabilities().cluster)
        return known[0]

    def keep(run: CampaignRun, record: SubmissionRecord) -> End:
        kept: int | None = None
        if settings.history.enabled:  # else nobody need ask for the site's name
            with suppress(JobshapeError), keeper(settings, place()) as history:
                kept = history.begin(record)

        def end(job_id: int | None, error: BackendError | None) -> None:
            if kept is None:
                return
            with suppress(JobshapeError), keeper(settings, place()) as history:
                history.end(kept, job_id, error, campaign=run.campaign.name)

        return end

    return keep


if __name__ == "__main__":
    sys.exit(main())
