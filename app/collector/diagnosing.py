"""Looks into jobs: what Slurm says of them and what they wrote; ranked causes out.

Runs beside the backend, in a child: it reads files and compiles patterns.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jobshape.app.backends.base import Backend, Scope
from jobshape.app.domain.errors import BackendError, ConfigError, JobshapeError
from jobshape.app.domain.family import family_of
from jobshape.app.domain.finding import INFO, NONE, UNKNOWN, Evidence, Finding
from jobshape.app.domain.job import UNLIMITED, Job
from jobshape.app.domain.log_part import FOUND, MAX_PART_BYTES, MISSING, NO_FOLDER, LogPart
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.units import format_duration
from jobshape.app.logs.source import read_file
from jobshape.app.signals.diagnose import findings_for
from jobshape.app.signals.rarity import Rarity
from jobshape.app.signals.read_log import HEAD_BYTES, LogError, read_log
from jobshape.app.signals.rule import RuleBook
from jobshape.app.signals.rule_files import rule_book, shipped_book

MOST_FINDINGS = 5
_KILLED = ("0:9", "137:0", "9:0")
_MISSING_WORDS = {MISSING: "is not there (any more)", NO_FOLDER: "is on a disk not seen from here"}


def look_into(
    backend: Backend,
    jobs: Sequence[Job],
    rule_files: Sequence[str] = (),
    healthy: Sequence[Job] = (),
) -> list[list[Finding]]:
    """The causes of each job's state, the likeliest first; at least one.

    Several at once, since making the rules ready takes longer (0.3 s) than a job (0.01 s).
    rule_files: files and folders of more rules; with a wrong one among them only our own hold,
    and the last finding says so. healthy: jobs that did well, whose logs tell what is usual in
    that of a failure which no rule explains.
    """
    wrong: list[Finding] = []
    try:
        book = rule_book(map(Path, rule_files))
    except ConfigError as error:
        book, wrong = shipped_book(), [_wrong_rules(error)]
    return [[*_look_into(backend, job, book, healthy), *wrong] for job in jobs]


def _look_into(backend: Backend, job: Job, book: RuleBook, healthy: Sequence[Job]) -> list[Finding]:
    fields = fields_of(job)
    texts: dict[str, str | Path] = {}
    troubles: list[Evidence] = []
    if phase_of(job.state) is not Phase.WAITING:
        fields |= _peak(backend, job)
        texts, troubles = _texts(backend, job)
    findings = findings_for(texts, fields, book=book)
    like_it = [one for one in healthy if family_of(one) == family_of(job)]
    if texts and like_it and findings[0].label == UNKNOWN:
        findings = findings_for(texts, fields, book=book, rarity=_usual(backend, like_it))
    if troubles and findings and findings[0].label == UNKNOWN:
        first = findings[0]
        findings[0] = first._replace(evidence=(*first.evidence, *troubles))
    return findings[:MOST_FINDINGS]


def _usual(backend: Backend, jobs: Sequence[Job]) -> Rarity:
    """What stands in the logs of jobs that did well."""
    usual = Rarity()
    for job in jobs:
        for text in _texts(backend, job)[0].values():
            usual.learn(text if isinstance(text, str) else _read_here(text))
    return usual


def _read_here(path: Path) -> str:
    return "\n".join(part.text for part in read_log(path).parts)


def _wrong_rules(error: ConfigError) -> Finding:
    return Finding(
        NONE, 0.0, INFO, "your own failure rules are wrong", str(error), error.hint, "none", "n/a",
        (Evidence("rules", error.where, None, error.what),), "",
    )  # fmt: skip


def fields_of(job: Job) -> dict[str, str]:
    """The job's record in Slurm's own words, as the rules know them; what is not known is out."""
    said = {
        "State": job.state,
        "ExitCode": job.exit_code,
        "Reason": "" if job.reason == "None" else job.reason,
        "ReqMem": f"{job.memory_bytes // 1024}K" if job.memory_bytes else "",
    }
    if job.time_limit_s is not None and job.time_limit_s != UNLIMITED:
        said["Timelimit"] = format_duration(job.time_limit_s)
    if job.start_time is not None and job.end_time is not None:
        said["Elapsed"] = format_duration(max(0, job.end_time - job.start_time))
    return {field: value for field, value in said.items() if value}


def _peak(backend: Backend, job: Job) -> Mapping[str, str]:
    """The peak memory, asked for only where it decides: after a kill that nobody explains."""
    if job.exit_code not in _KILLED:
        return {}
    try:
        entries = backend.accounting(Scope.ALL, job.submit_time or 0, jobs=[job.label])
    except BackendError:
        return {}
    peaks = [entry.max_rss_bytes for entry in entries if entry.max_rss_bytes]
    return {"MaxRSS": f"{max(peaks) // 1024}K"} if peaks else {}


def _texts(backend: Backend, job: Job) -> tuple[dict[str, str | Path], list[Evidence]]:
    """What the job wrote, by source; and why some of it cannot be read."""
    try:
        paths = backend.log_paths(job.label)
    except BackendError as error:
        return {}, [Evidence("log", "", None, f"where it writes is not known: {error.what}")]
    texts: dict[str, str | Path] = {}
    troubles: list[Evidence] = []
    for source, path in (("stdout", paths.stdout), ("stderr", paths.stderr)):
        if not path or path == "/dev/null" or (source == "stderr" and path == paths.stdout):
            continue
        try:
            texts[source] = _text(backend, path)
        except JobshapeError as error:
            troubles.append(Evidence(source, path, None, error.what))
    return texts, troubles


def _text(backend: Backend, path: str) -> str | Path:
    """The log's path where it is a file of this machine, else its head and tail."""
    tail = backend.read_log(path, -MAX_PART_BYTES, MAX_PART_BYTES)
    if tail.state != FOUND:
        words = _MISSING_WORDS.get(tail.state, f"cannot be read: {tail.why}")
        raise LogError(f"{path} {words}")
    here = read_file(path, 0, 0)
    if here.state == FOUND and here.mark and here.mark == tail.mark:
        read_log(Path(path))
        return Path(path)
    if tail.offset == 0:
        return _decoded(tail)
    head = backend.read_log(path, 0, min(HEAD_BYTES, tail.offset))
    return f"{_decoded(head)}\n{_decoded(tail)}"


def _decoded(part: LogPart) -> str:
    return part.data.decode("utf-8", "replace")
