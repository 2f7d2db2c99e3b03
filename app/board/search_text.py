"""The text of a job that plain words of a filter are looked for in."""

from collections.abc import Iterable

from jobshape.app.board.words import reason_words
from jobshape.app.domain.job import UNASSIGNED, Job


def search_text(job: Job) -> str:
    """What is seen of a job, in lower case, fields apart from each other."""
    reason = job.reason
    if reason and reason != "None":
        reason = f"{reason}\n{reason_words(reason).short}"
    stage = "" if job.stage == UNASSIGNED else job.stage
    return "\n".join((
        job.label, job.name, job.user, job.account, job.partition, job.state, reason,
        job.node_list, stage, job.comment,
    )).lower()  # fmt: skip


class SearchTexts:
    """Search texts kept by job id while a filter reads them; 200 bytes a job."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}

    def of(self, job: Job) -> str:
        """The text of a record, kept until the id is forgotten."""
        text = self._texts.get(job.job_id)
        if text is None:
            text = self._texts[job.job_id] = search_text(job)
        return text

    def forget(self, job_ids: Iterable[int]) -> None:
        """These records have changed or gone."""
        if self._texts:
            for job_id in job_ids:
                self._texts.pop(job_id, None)

    def clear(self) -> None:
        """Nobody reads texts now."""
        self._texts.clear()
