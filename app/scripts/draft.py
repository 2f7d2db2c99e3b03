"""A script as a person wants it sent: its text with another shape, and the request made of it.

Pure: who sends it, the screen or the command line, keeps the record and makes the call.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePath

from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.resubmission import Resubmission
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.scripts.directives import BatchScript, read_script
from jobshape.app.scripts.hashes import configuration_hash, text_hash
from jobshape.app.scripts.shape import shape_of
from jobshape.app.scripts.surgery import with_shape


@dataclass(frozen=True, slots=True)
class Project:
    """The git work tree that a script belongs to. commit "": there is none, or git is missing."""

    commit: str = ""
    dirty: bool | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A script, and what is wanted of it. ``shape``: what to ask for, over what its lines say.

    name and work_dir "": as the script says; else the file's name, and the folder at hand.
    """

    text: str
    path: str = ""
    arguments: tuple[str, ...] = ()
    shape: JobShape = field(default_factory=JobShape)
    name: str = ""
    work_dir: str = ""
    comment: str = ""

    @property
    def script(self) -> BatchScript:
        """Its lines, as they are."""
        return read_script(self.text)

    @property
    def own_shape(self) -> JobShape:
        """The shape that its own lines ask for."""
        return shape_of(self.script.options())[0]

    @property
    def final_text(self) -> str:
        """The script as it is sent: only lines whose value differs are others.

        Raises JobshapeError where the lines cannot be changed surely.
        """
        return with_shape(self.text, self.shape)

    @property
    def final_name(self) -> str:
        """The name the job gets: sbatch would take the file's, but gets no file from us."""
        own = self.script.options().get("job-name", "")
        return self.name or own or (PurePath(self.path).name if self.path else "jobshape")

    @property
    def request(self) -> SubmitRequest:
        """What is sent. Raises JobshapeError as :attr:`final_text` does."""
        own = self.script.options()
        return SubmitRequest(
            self.final_text,
            arguments=self.arguments,
            name=None if own.get("job-name") == self.final_name else self.final_name,
            work_dir=self.work_dir or None,
            comment=self.comment or None,
        )


def draft_of(one: Resubmission) -> Draft:
    """The draft that a resubmission is, for the pre-flight."""
    request = one.request
    return Draft(
        request.script, one.script_path, request.arguments, name=request.name or one.name,
        work_dir=request.work_dir or "", comment=request.comment or "",
    )  # fmt: skip


def record_of(
    request: SubmitRequest, project: Project, *, path: str = "", reason: str = "",
    lifted: Mapping[str, str] | None = None, resubmitted_from: tuple[str, ...] = (),
    batch: str = "",
) -> SubmissionRecord:  # fmt: skip
    """What history keeps of a submission before it is sent. path: where its script lies."""
    plain = asdict(replace(request, script=""))
    options = read_script(request.script).options()
    own = shape_of(options)[0]
    given = JobShape(**{name: getattr(request, name) for name in FIELD_OF})
    return SubmissionRecord(
        name=request.name or options.get("job-name", ""),
        script=request.script,
        script_path=path,
        arguments=request.arguments,
        shape=given.over(own),
        script_hash=text_hash(request.script),
        configuration_hash=configuration_hash(request.script, request.arguments),
        git_commit=project.commit,
        git_dirty=project.dirty,
        reason=reason,
        request={
            key: value for key, value in plain.items()
            if value not in (None, "", (), False) and key != "environment"
        },
        resubmitted_from=resubmitted_from,
        lifted=dict(lifted or {}),
        batch=batch,
    )  # fmt: skip


def command_words(request: SubmitRequest, script_path: str) -> list[str]:
    """The command that a person would type to send the same: for a site that gives no answer."""
    options = {
        "--job-name": request.name,
        "--chdir": request.work_dir,
        "--comment": request.comment,
    }
    words = [f"{name}={value}" for name, value in options.items() if value]
    return ["sbatch", *words, script_path, *request.arguments]
