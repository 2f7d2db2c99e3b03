"""What the policy says of sending failed jobs again."""

from typing import NamedTuple


class Terms(NamedTuple):
    """What the policy says of sending again; see the settings of the same names."""

    memory_percent: float = 20.0
    time_percent: float = 50.0
    most: int = 3
    minutes: tuple[float, ...] = (1.0, 5.0, 10.0)
    same_failures: int = 3
