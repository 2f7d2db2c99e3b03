"""Where a job is to be sent, as far as the site's page tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is to be sent, as the site's page says."""

    name: str  # the page's
    ssh: str = ""  # the host whose disks the job sees; "": this one
    roles: Mapping[str, str] = field(default_factory=dict)  # partition -> smoke, production, long
    most_jobs: int = 0  # of one person in the queue; 0: not known
    heeds_variables: bool = False  # whether sbatch runs here, and so sees SBATCH_PARTITION and such

    def environment(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """The variables of ours that count there."""
        return environment if self.heeds_variables else {}
