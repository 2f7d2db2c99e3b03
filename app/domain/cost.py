"""What a shape costs by a site's prices; what the site does not price costs nothing known."""

from dataclasses import dataclass

from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.units import GIB


@dataclass(frozen=True, slots=True)
class Prices:
    """A site's prices for an hour. None: it does not say."""

    currency: str = ""
    cpu_hour: float | None = None
    gpu_hour: float | None = None
    memory_gib_hour: float | None = None

    @property
    def known(self) -> bool:
        """Whether anything has a price."""
        return any(p is not None for p in (self.cpu_hour, self.gpu_hour, self.memory_gib_hour))


def cost_per_hour(shape: JobShape, prices: Prices) -> float | None:
    """What one job of this shape costs in an hour; None where no price is known."""
    if not prices.known:
        return None
    nodes = max(1, shape.nodes or 1)
    cpus = max(1, shape.tasks or 1) * max(1, shape.cpus_per_task or 1)
    gpus = nodes * gpu_count(shape.gpus)
    memory = nodes * (shape.memory_bytes or 0) / GIB
    return (
        cpus * (prices.cpu_hour or 0)
        + gpus * (prices.gpu_hour or 0)
        + memory * (prices.memory_gib_hour or 0)
    )


def gpu_count(gpus: str | None) -> int:
    """How many GPUs a node a text like ``a100:2`` asks for."""
    count = (gpus or "0").rpartition(":")[2]
    return int(count) if count.isdigit() else 1
