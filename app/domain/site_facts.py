"""What a site says when it is asked about a submission: one answer for all the checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.request import EarliestStart
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.states import is_finished

QUEUE, NODES, PARTITIONS, LIMITS, START, IDENTITY = (
    "queue", "nodes", "partitions", "limits", "start", "identity",
)  # fmt: skip
"""The parts of the answer; those not there have their reason in ``SiteFacts.troubles``."""


class OwnJob(NamedTuple):
    """A job of one's own in the queue: what tells whether it is the same as another."""

    job_id: int
    label: str
    whole_id: int  # of the array or the heterogeneous job that it belongs to, else its own
    state: str
    name: str
    work_dir: str
    partition: str

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return not is_finished(self.state)


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What was asked of the site. A part that is None was not got: ``troubles`` says why.

    same_script: open jobs of the same name and folder whose stored script is this very one.
    refusal: the site's own words, where it would not take the job; "": it would, or was not asked.
    """

    cluster: str = ""
    scheduler: str = ""  # "slurm 26.05.5"; "" where it is not known
    user: str = ""
    queue: tuple[OwnJob, ...] | None = None
    nodes: tuple[Node, ...] | None = None
    partitions: tuple[Partition, ...] | None = None
    limits: SiteLimits | None = None
    start: EarliestStart | None = None
    refusal: str = ""
    refusal_hint: str = ""
    same_script: tuple[str, ...] = ()
    troubles: Mapping[str, str] = field(default_factory=dict)

    def why_no(self, part: str) -> str:
        """Why a part is not known."""
        return self.troubles.get(part, "the site was not asked")
