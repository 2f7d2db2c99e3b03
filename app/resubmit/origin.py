"""What an old job was submitted as: its request, its script and where that was found."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from jobshape.app.backends.base import Backend
from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.errors import BackendError, JobshapeError
from jobshape.app.domain.job import Job
from jobshape.app.domain.request import JobRequest
from jobshape.app.domain.resubmission import FROM_PATH, KEPT_BY_HISTORY, KEPT_BY_SITE
from jobshape.app.history.history import History
from jobshape.app.resubmit.grouping import Group
from jobshape.app.resubmit.script import Found
from jobshape.app.scripts.hashes import text_hash
from jobshape.app.scripts.script_file import read as read_file


class Origin:
    """Asks the site, then history, then the file."""

    def __init__(self, backend: Backend, history: History | None, site: str) -> None:
        self._backend, self._history, self._site = backend, history, site

    def found(self, group: Group) -> Found:
        """What the group's jobs were submitted as. Raises JobshapeError where that is not known."""
        first, references = group.jobs[0], [group.site_reference, group.jobs[0].label]
        request = None
        trouble: BackendError | None = None
        for reference in dict.fromkeys(references):
            try:
                request = self._backend.request_of(reference)
                break
            except BackendError as error:
                trouble = error
        record = self.submission(first)
        if request is None:
            raise trouble or BackendError(f"{group.reference} is not known any more")
        behind = self._behind(group)
        for job, one in zip(group.jobs, (request, *behind), strict=False):
            if one.name and job.name not in ("", one.name):
                raise BackendError(f"{group.reference}: its id is another job's now: {one.name}")
        if record is not None and not request.script_path:
            request = replace(request, script_path=record.script_path)
        # With a record of ours the whole request was in the script or in these arguments.
        arguments = record.arguments if record is not None else None
        text = self._text_of_site(references)
        if text:
            return Found(text, KEPT_BY_SITE, request, arguments, behind=behind)
        if record is not None and record.script:
            return Found(record.script, KEPT_BY_HISTORY, request, arguments, behind=behind)
        return replace(self._from_path(request, arguments, record), behind=behind)

    def _behind(self, group: Group) -> tuple[JobRequest, ...]:
        """The requests of the further components of a heterogeneous job."""
        if not group.is_het:
            return ()
        numbers = [job.het_offset for job in group.jobs]
        if len(numbers) < 2 or numbers != list(range(len(numbers))):
            raise BackendError(
                f"heterogeneous job {group.reference}: not all its components are known any more",
                hint="submit its script by hand",
            )  # fmt: skip
        return tuple(self._backend.request_of(job.label) for job in group.jobs[1:])

    def _text_of_site(self, references: Iterable[str]) -> str:
        for reference in dict.fromkeys(references):
            with suppress(BackendError):
                text = self._backend.script(reference)
                if text.strip():
                    return text
        return ""

    def _from_path(
        self, request: JobRequest, arguments: tuple[str, ...] | None,
        record: SubmissionRecord | None,
    ) -> Found:  # fmt: skip
        path = request.script_path
        if not path or not path.startswith("/"):
            raise BackendError("its script is kept nowhere, and where it lay is not known")
        text = read_file(Path(path)).text
        if record is None or not record.script_hash:
            warning = f"read from {path} now: whether it changed since is not known"
        elif record.script_hash != text_hash(text):
            warning = f"{path} changed since it was submitted"
        else:
            return Found(text, FROM_PATH, request, arguments)
        return Found(text, FROM_PATH, request, arguments, (warning,))

    def submission(self, job: Job) -> SubmissionRecord | None:
        """The submission of ours that became this job."""
        if self._history is None:
            return None
        with suppress(JobshapeError):
            given = job.array_job_id or job.het_job_id or job.job_id
            record = self._history.submission(self._site, given)
            # Ids come again: one that was submitted at another time is another job.
            if record is not None and abs(record.at - (job.submit_time or record.at)) < 3600:
                return record
        return None
