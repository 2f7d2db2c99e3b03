"""What history knows, for screens and alerts."""

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from jobshape.app.acting.board_history import BoardHistory
from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import Job, Usage
from jobshape.app.domain.past import Lineage, PastJob

if TYPE_CHECKING:
    from jobshape.app.history.history import History

TYPICAL_LEAST, TYPICAL_MOST = 3, 50
"""Runs that it takes to call something typical, and how many of the newest are looked at."""

ACK_KEPT_S = 30 * 86400

Answer = TypeVar("Answer")


class HistoryPast(BoardHistory):
    """The history of the site that the board shows. All raise a JobshapeError.

    None where there is no history, or nothing is known of the site yet.
    """

    # --- for screens ------------------------------------------------------------------------

    async def stage_runs(self, since: int, most: int) -> list[PastJob] | None:
        """Jobs that ended since then, at most so many a stage, the newest; any order."""
        return await self._read(lambda history, site: history.stage_runs(site, since, most))

    async def usage_series(self, job: Job) -> Sequence[Usage] | None:
        """Its usage over time, oldest first."""
        return await self._read(
            lambda history, site: history.usage_series(site, job.job_id, job.submit_time)
        )

    async def lineage(self, job: Job) -> Lineage | None:
        """What it was resubmitted from and as."""
        line = await self._read(
            lambda history, site: history.lineage(site, job.job_id, job.submit_time)
        )
        if line is None:
            return None
        ids = [past.record.job.job_id for past in line]
        at = ids.index(job.job_id) if job.job_id in ids else len(line)
        return Lineage(tuple(line[:at]), tuple(line[at + 1 :]))

    # --- for alerts -------------------------------------------------------------------------

    async def findings(self, job: Job) -> Sequence[Finding]:
        """What an earlier look into its last run gave; nothing where there was none."""
        found = await self._read(
            lambda history, site: history.findings(site, job.job_id, job.submit_time)
        )
        return found or ()

    async def keep_findings(self, job: Job, findings: Sequence[Finding]) -> None:
        """Keep what a look into it gave."""
        await self._change(
            lambda history, site: history.record_findings(
                site, job.job_id, job.submit_time, list(findings)
            )
        )

    async def typical_s(self, job: Job) -> float | None:
        """The median run of jobs like it that did well; None with fewer than three."""
        from statistics import median

        runs = await self._read(lambda history, site: history.similar(job, site, TYPICAL_MOST))
        elapsed = [
            past.record.elapsed_s
            for past in runs or ()
            if past.record.job.state == "COMPLETED" and past.record.elapsed_s
        ]
        return float(median(elapsed)) if len(elapsed) >= TYPICAL_LEAST else None

    async def acknowledged(self) -> set[str]:
        """Keys of the alerts that are to stay away."""
        since = int(time.time()) - ACK_KEPT_S
        keys = await self._read(
            lambda history, site: {
                key.removeprefix(f"{site} ")
                for key in history.acknowledged(since)
                if key.startswith(f"{site} ")
            }
        )
        return keys or set()

    async def acknowledge(self, keys: Iterable[str]) -> None:
        """Have these alerts stay away."""
        wanted = list(keys)

        def change(history: "History", site: str) -> None:
            for key in wanted:
                history.ack(f"{site} {key}")  # ids are of a site

        await self._change(change)
