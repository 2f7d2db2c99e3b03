"""The ``#SBATCH`` lines of a batch script, as this machine takes them: without any mistake."""

from jobshape.app.domain.errors import BadRequest, NotSupported
from jobshape.app.scripts.directives import read_script

_OF_THE_LINES = {"unknown", "missing", "split", "value", "word", "quote"}


def read_options(script: str) -> dict[str, str]:
    """Long option -> value ("" for none given) of a script's ``#SBATCH`` lines; the last one wins.

    What means nothing on one machine is read like the rest, and left alone. Raises BadRequest for
    an option that Slurm does not know, NotSupported for a het job.
    """
    found = read_script(script)
    for problem in found.errors():
        if problem.kind in _OF_THE_LINES:
            line = script.split("\n")[problem.line - 1]
            raise BadRequest(f"{problem.what}: {line}", where=f"line {problem.line} of the script",
                             hint="see sbatch(1) for its options")  # fmt: skip
    if found.groups > 1:
        raise NotSupported(
            "heterogeneous jobs cannot run here: this machine is the only node",
            where=f"line {found.separators[0]} of the script",
            hint="submit its parts as jobs of their own",
        )
    return found.options()
