"""Rules on the script itself: it can be read, and sbatch understands its lines."""

from collections.abc import Iterator

from jobshape.app.preflight.facts import Facts
from jobshape.app.preflight.rule import Seen, bad, doubtful, good
from jobshape.app.preflight.subject import Subject
from jobshape.app.settings.values import Policy

_OF_THE_FILE = ("empty", "interpreter", "null", "dos")


def script_is_one(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """It is there, can be read, and starts with #!."""
    if subject.trouble:
        yield bad(subject.trouble, f"{subject.path} is what would be submitted",
                  subject.trouble_hint or "check the path")  # fmt: skip
        return
    found = [one for one in subject.batch.problems
             if one.kind in _OF_THE_FILE and (one.kind != "empty" or one.line == 0)]  # fmt: skip
    for one in found:
        tell = bad if one.severity == "error" else doubtful
        yield tell(one.what, "Slurm takes a script by its first line and its text",
                   one.hint, one.line or None)  # fmt: skip
    if not found:
        yield good(f"a script of {subject.batch.interpreter.split()[0]}")


def lines_parse(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """Every #SBATCH line is read as it looks, with values that sbatch takes."""
    if subject.trouble:
        return
    wrong = False
    for one in subject.batch.problems:
        if one.kind in _OF_THE_FILE and (one.kind != "empty" or one.line == 0):
            continue
        wrong = True
        if one.severity == "error":
            yield bad(one.what, "sbatch refuses the script for it", one.hint, one.line or None)
        else:
            yield doubtful(one.what, "the line does not mean what it seems to", one.hint,
                           one.line or None)  # fmt: skip
    for component in subject.components:
        for one in component.problems:
            wrong = True
            option = one.what.partition("--")[2].partition(" ")[0]
            line = subject.line_of(option, component=component.number)
            yield bad(one.what, "sbatch refuses the script for it", one.hint, line)
    if not wrong:
        count = len(subject.batch.directives)
        yield good(f"{count} option{'s' * (count != 1)} in #SBATCH lines")
