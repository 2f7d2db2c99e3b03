"""Rules on what the script and its Python files say: GPUs pinned by hand, checkpoints."""

from collections.abc import Iterator

from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.units import format_duration, parse_duration
from jobshape.app.preflight import python_scan, shell_scan
from jobshape.app.preflight.facts import Facts
from jobshape.app.preflight.rule import Seen, bad, good, unknown
from jobshape.app.preflight.size_rules import walltime_of
from jobshape.app.preflight.subject import Subject
from jobshape.app.settings.values import Policy

_WHY = "Slurm gives the job its GPUs and numbers them from 0; a fixed one may be somebody else's"
_MOST_PLACES = 5


def no_gpu_is_pinned(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """Neither the script nor the Python files it runs choose GPUs by number."""
    clean = True
    for found in shell_scan.devices(subject.script)[:_MOST_PLACES]:
        clean = False
        fix = ("take it out: Slurm sets it" if found.what.startswith("CUDA_VISIBLE")
               else "write cuda, without a number")  # fmt: skip
        yield bad(f"the script pins a GPU: {found.what}", _WHY, fix, found.line)
    for inline in shell_scan.python_texts(subject.script):
        for place in python_scan.devices(inline.text)[:_MOST_PLACES]:
            clean = False
            yield bad(f"Python in the script pins a GPU: {place.what}", _WHY, _in_python(place),
                      inline.line + place.line - 1)  # fmt: skip
    for source in facts.files.sources:
        if source.trouble:
            clean = False
            yield unknown(f"{source.path} not looked into", source.trouble)
            continue
        for place in python_scan.devices(source.text)[:_MOST_PLACES]:
            clean = False
            yield bad(f"{source.path}:{place.line} pins a GPU: {place.what}", _WHY,
                      _in_python(place), source.line)  # fmt: skip
    unread = facts.files.trouble and shell_scan.python_files(subject.script)
    if unread:
        yield unknown("its Python files were not looked into", facts.files.trouble)
    elif clean:
        count = len(facts.files.sources)
        also = f" and {count} Python file{'s' * (count != 1)}" if count else ""
        yield good(f"no GPU is pinned in the script{also}")


def _in_python(place: python_scan.Found) -> str:
    if "VISIBLE" in place.what:
        return "take it out: Slurm sets it"
    return 'write "cuda", or take the number from LOCAL_RANK'


def long_jobs_keep_their_state(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """A long job is known to write checkpoints, or to survive being stopped."""
    long_s = parse_duration(policy.long_job) or 0
    walltimes = [walltime_of(one, facts) for one in subject.components]
    known = [one for one in walltimes if one is not None]
    longest = UNLIMITED if UNLIMITED in known else max(known, default=None)
    if longest is None:
        yield unknown("not known whether it is long", "it asks for no walltime")
    elif longest != UNLIMITED and longest < long_s:
        yield good(f"a short job: {format_duration(longest)}")
    elif how := _how_it_resumes(subject, facts):
        yield good(f"checkpoints: {how}")
    else:
        yield bad(f"no checkpoint is known in a job of {format_duration(longest)}",
                  "if it is stopped near its end, all of that time is lost",
                  "save its state and resume from it (--requeue, --signal), and say so: "
                  "# CHECKPOINT: how", subject.line_of_field("time_limit_s"))  # fmt: skip


def _how_it_resumes(subject: Subject, facts: Facts) -> str:
    for _, text in subject.comments("CHECKPOINT"):
        return text
    for option in ("requeue", "signal"):
        if any(option in one.options for one in subject.components):
            return f"--{option}"
    for command in shell_scan.commands(subject.script):
        if word := python_scan.is_checkpoint_word(command.text):
            return f"{word} in line {command.line}"
    for source in facts.files.sources:
        if word := python_scan.checkpoint_word(source.text):
            return f"{word} in {source.path}"
    return ""


def somebody_is_told(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """Slurm mails, or jobshape tells of alerts."""
    for component in subject.components:
        kinds = component.options.get("mail-type", "")
        if kinds and kinds.strip().upper() != "NONE":
            yield good(f"Slurm mails on {kinds}", subject.line_of("mail-type"))
            return
    if facts.told_by:
        yield good(facts.told_by)
        return
    yield bad("nobody is told when it ends", "a failure is then seen only by who looks",
                   "add --mail-type=END,FAIL, or set [alerts] notify or bell")  # fmt: skip
