"""Campaigns for the screens: read beside the loop, begun and steered through the same file."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from jobshape.app import rounds_process
from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.campaigns import (
    Beginning,
    CampaignLine,
    CampaignPicture,
    TrialLine,
)
from jobshape.app.domain.errors import BadRequest, JobshapeError, OutputError, Refused
from jobshape.app.rounds import showing
from jobshape.app.rounds.campaign import Campaign
from jobshape.app.rounds.showing import breathing
from jobshape.app.rounds.store import Store
from jobshape.app.rounds_control import options_of, send_wish, start_campaign
from jobshape.app.settings.values import Loaded

T = TypeVar("T")

MANIFESTS = ("*.yaml", "*.yml")
MOST_MANIFESTS = 20
_LOOKED_AT_BYTES = 4096


class _Plan(NamedTuple):
    """What of a campaign's manifest is shown; it never changes."""

    stable: float
    changes: Mapping[int, str]
    alternatives: Mapping[int, str]


class LiveCampaigns:
    """One connection to read, used by one thread at a time. All raise a JobshapeError."""

    def __init__(self, loaded: Loaded, path: Path | None = None) -> None:
        self._loaded = loaded
        self._path = path
        self._store: Store | None = None
        self._plans: dict[int, _Plan] = {}
        self._lock = asyncio.Lock()

    # --- reading ----------------------------------------------------------------------------

    async def revision(self) -> int:
        """Another number once something has changed; -1 while there is no campaign."""
        return await self._read(lambda store: store.revision, -1)

    async def listed(self) -> list[CampaignLine]:
        """Every campaign: those that go on first, the newest first."""

        def read(store: Store) -> list[CampaignLine]:
            running: dict[str, bool] = {}
            lines = [_line(store, one, running) for one in store.campaigns()]
            return sorted(lines, key=lambda line: (line.is_over, -line.key))

        return await self._read(read, [])

    async def picture(self, campaign: int) -> CampaignPicture | None:
        """One campaign with its rounds."""

        def read(store: Store) -> CampaignPicture | None:
            found = store.campaign(campaign)
            if found is None:
                return None
            plan = self._plan(found)
            return CampaignPicture(
                _line(store, found, {}), showing.round_lines(store, found, plan.stable),
                showing.saved_of(store, found, plan.alternatives),
                showing.happenings(store, campaign),
            )  # fmt: skip

        return await self._read(read, None)

    async def trials(self, campaign: int, number: int) -> tuple[TrialLine, ...]:
        """The trials of a round."""

        def read(store: Store) -> tuple[TrialLine, ...]:
            found = store.campaign(campaign)
            if found is None:
                return ()
            return showing.trial_lines(store, found, number, self._plan(found).changes)

        return await self._read(read, ())

    async def would_cancel(self, campaign: int) -> int:
        """Jobs that a stop cancels."""
        return await self._read(lambda store: showing.jobs_to_cancel(store, campaign), 0)

    def _plan(self, campaign: Campaign) -> _Plan:
        if campaign.id not in self._plans:
            self._plans[campaign.id] = _plan_of(campaign)
        return self._plans[campaign.id]

    async def _read(self, read: Callable[[Store], T], nothing: T) -> T:
        def work() -> T:
            if self._store is None:
                self._store = Store.to_read(self._path or rounds_process.store_path())
            return nothing if self._store is None else read(self._store)

        async with self._lock:
            return await asyncio.to_thread(work)

    # --- steering ---------------------------------------------------------------------------

    async def wish(self, campaign: int, what: str) -> None:
        """``pause``, ``resume``, ``stop``, ``retry``, ``skip``; its process is started if need be.

        Raises BadRequest where it cannot.
        """

        def work() -> None:
            self._may("steered")
            with Store.to_write(self._path or rounds_process.store_path()) as store:
                found = store.campaign(campaign)
                if found is None:
                    raise BadRequest(f"campaign {campaign} is gone: it cannot {what}")
                send_wish(self._loaded, store, found, what)

        await asyncio.to_thread(work)

    async def keep_running(self) -> list[str]:
        """Start the process of each site of ours whose campaigns nobody runs; gives these sites."""

        def work() -> list[str]:
            path = self._path or rounds_process.store_path()
            store = Store.to_read(path)
            if store is None or self._loaded.settings.read_only:
                return []
            with store:
                sites = {one.site for one in store.campaigns(("active", "stopping"))}
                for site in {one.site for one in store.campaigns()} - sites:
                    if store.wishes(site):
                        sites.add(site)
            if not sites:
                return []
            from jobshape.app.sites import choose_site

            own = rounds_process.site_key(choose_site(self._loaded))
            if own not in sites or rounds_process.is_running(own):
                return []
            rounds_process.start(own, options_of(self._loaded))
            return [own]

        return await asyncio.to_thread(work)

    async def asking(self) -> list[CampaignLine]:
        """Campaigns that wait for an answer."""

        def read(store: Store) -> list[CampaignLine]:
            return [_line(store, one, {}) for one in store.campaigns(("asking",))]

        return await self._read(read, [])

    # --- beginning --------------------------------------------------------------------------

    async def manifests(self) -> list[str]:
        """Paths of manifests in the folder at hand."""

        def work() -> list[str]:
            found = [path for ending in MANIFESTS for path in Path.cwd().glob(ending)]
            return [str(path) for path in sorted(found)[:MOST_MANIFESTS] if _is_manifest(path)]

        return await asyncio.to_thread(work)

    async def beginning(self, path: str, record: SubmissionRecord | None = None) -> Beginning:
        """What would begin: of a manifest, or of a script, as one job.

        record: how the script was sent before. Raises JobshapeError for what cannot be read.
        """
        return await asyncio.to_thread(self._beginning, path, record)

    def _beginning(self, text: str, record: SubmissionRecord | None) -> Beginning:
        from jobshape.app.rounds.expanding import expand
        from jobshape.app.rounds.from_script import manifest_of_script
        from jobshape.app.rounds.reading import read_manifest, read_text
        from jobshape.app.rounds.workload import Targets

        path = Path(text).expanduser().absolute()
        is_made = path.suffix not in (".yaml", ".yml")
        if is_made:
            if not path.is_file():
                raise BadRequest(
                    "there is no such script",
                    where=str(path),
                    hint="give the path of a batch script or of a jobshape.yaml",
                )
            made = manifest_of_script(
                str(path), name=record.name if record else "",
                arguments=record.arguments if record else (),
                shape=record.shape if record else None,
            )  # fmt: skip
            file = read_text(made, path)
        else:
            file = read_manifest(path)
        naming, targets, count = Targets(), dict[str, None](), 0
        for job in expand(file.manifest):
            targets[naming(job.recipe)] = None
            count += 1
        return Beginning(
            file.manifest.project, str(path), file.text, count, tuple(targets), is_made
        )

    async def begin(self, beginning: Beginning) -> int:
        """Begin it; gives the campaign's id."""

        def work() -> int:
            from jobshape.app.rounds.reading import read_text

            self._may("started")
            file = read_text(beginning.text, Path(beginning.path))
            return start_campaign(self._loaded, file)

        return await asyncio.to_thread(work)

    def _may(self, what: str) -> None:
        if self._loaded.settings.read_only:
            raise Refused(f"this session is read-only: no campaign is {what}")

    # --- reporting --------------------------------------------------------------------------

    async def report(self, campaign: int) -> Path:
        """Write its report as HTML into the state folder; gives the file."""

        def read(store: Store) -> Path | None:
            from jobshape.app.reports.campaign_report import campaign_report
            from jobshape.app.reports.gathering import gather
            from jobshape.app.reports.html import as_html

            found = store.campaign(campaign)
            if found is None:
                return None
            text = as_html(campaign_report(gather(store, found, int(time.time()))))
            path = store.path.parent / f"report-{found.id}.html"
            _write(path, text)
            return path

        path = await self._read(read, None)
        if path is None:
            raise BadRequest(f"there is no campaign {campaign}")
        return path


def _plan_of(campaign: Campaign) -> _Plan:
    from jobshape.app.reports.gathering import alternatives_of, changes_of
    from jobshape.app.rounds.expanding import expand
    from jobshape.app.rounds.reading import read_text
    from jobshape.app.rounds.workload import workload

    try:
        manifest = read_text(campaign.manifest_text, Path(campaign.manifest_path)).manifest
        phases = workload(manifest, list(breathing(expand(manifest))))
    except JobshapeError:  # kept by another version: what happened is shown all the same
        return _Plan(0.0, {}, {})
    alternatives = {number: one.words for number, one in alternatives_of(phases)}
    return _Plan(manifest.rounds.stable, dict(breathing(changes_of(phases))), alternatives)


def _line(store: Store, campaign: Campaign, running: dict[str, bool]) -> CampaignLine:
    if campaign.site not in running:
        running[campaign.site] = rounds_process.is_running(campaign.site)
    return showing.campaign_line(store, campaign, is_run=running[campaign.site])


def _is_manifest(path: Path) -> bool:
    """Whether it looks like one; what is wrong in it is told when it is chosen."""
    try:
        with path.open("rb") as file:
            head = file.read(_LOOKED_AT_BYTES)
    except OSError:
        return False
    return b"project:" in head or b"phases:" in head


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(
            f"the report cannot be written: {error.strerror or error}", where=str(path)
        ) from error
