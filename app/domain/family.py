"""Which jobs are runs of the same thing."""

import re

from jobshape.app.domain.job import Job

_NUMBER = re.compile(r"[0-9]+")


def family_of(job: Job) -> str:
    """The same text for jobs of one stage whose names differ in numbers only."""
    return f"{job.stage} {_NUMBER.sub('#', job.name)}"
