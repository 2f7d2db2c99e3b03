"""What a site lets one person ask for: limits of partitions, QOS and associations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.site import Partition


@dataclass(frozen=True, slots=True)
class Limits:
    """What one partition, QOS or association allows. None: it sets no such limit."""

    name: str = ""
    time_limit_s: int | None = None  # the longest a job may ask for
    nodes: int | None = None  # of one job, over all its nodes
    cpus: int | None = None
    memory_bytes: int | None = None
    gpus: int | None = None
    node_cpus: int | None = None  # of one job on one node
    node_memory_bytes: int | None = None
    user_cpus: int | None = None  # of all running jobs of one person together
    user_memory_bytes: int | None = None
    user_gpus: int | None = None
    user_jobs: int | None = None  # running at once
    user_submitted: int | None = None  # in the queue at once, running ones too
    refuses: bool = True  # False: a job above it is taken and waits for good (no DenyOnLimit)


@dataclass(frozen=True, slots=True)
class Association:
    """The user's place in one account, as Slurm's accounting has it."""

    account: str
    partition: str = ""  # "": in every partition
    qos: tuple[str, ...] = ()  # those that may be asked for
    default_qos: str = ""
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class SiteLimits:
    """All that is known of limits, for this user.

    qos is empty where the site has none or does not tell; ``problem`` says why.
    """

    partitions: tuple[Limits, ...] = ()
    qos: tuple[Limits, ...] = ()
    associations: tuple[Association, ...] = ()
    default_account: str = ""
    problem: str = ""

    def partition(self, name: str) -> Limits | None:
        """The limits of a partition; None where it is not known."""
        return next((one for one in self.partitions if one.name == name), None)

    def of_qos(self, name: str) -> Limits | None:
        """The limits of a QOS; None where it is not known."""
        return next((one for one in self.qos if one.name == name), None)

    def association(self, account: str, partition: str = "") -> Association | None:
        """The user's place in an account ("": the default one), that of the partition first."""
        wanted = account or self.default_account
        of_account = [one for one in self.associations if one.account == wanted]
        exact = [one for one in of_account if partition and one.partition == partition]
        return next(iter(exact or [one for one in of_account if not one.partition]), None)

    def of_partition(self, one: Partition) -> Limits:
        """The limits of a partition that is there; its walltime is the lower of the two known."""
        limits = self.partition(one.name) or Limits(one.name)
        known = [
            limit for limit in (limits.time_limit_s, one.time_limit_s)
            if limit is not None and limit != UNLIMITED
        ]  # fmt: skip
        return replace(limits, time_limit_s=min(known, default=None))

    def of_person(self, shape: JobShape, partition: Partition | None) -> list[tuple[str, Limits]]:
        """Whose limits hold for a job there, and which; the strongest first.

        A limit that one sets hides the same one of those after it: :func:`first_set`.
        Source: resource_limits: the partition's QOS, the job's, then the association.
        """
        place = self.association(shape.account or "", partition.name if partition else "")
        qos = shape.qos or (place.default_qos if place else "")
        found: list[tuple[str, Limits]] = []
        for name in dict.fromkeys((partition.qos if partition else "", qos)):
            limits = self.of_qos(name) if name else None
            if limits is not None:
                found.append((f"QOS {name}", limits))
        return [*found, (f"account {place.account}", place.limits)] if place else found


def first_set(those: Sequence[tuple[str, Limits]], field: str) -> tuple[int | None, str]:
    """A limit of the first who sets it, and who that is; None, "" where nobody does."""
    found = ((getattr(limits, field), who) for who, limits in those)
    return next((pair for pair in found if pair[0] is not None), (None, ""))
