"""Quantiles of a few figures."""

from collections.abc import Iterable, Sequence

from jobshape.app.domain.stage import Spread


def quantile(ordered: Sequence[float], share: float) -> float:
    """The quantile of figures in order, at least one, with a straight line between two of them."""
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def spread(figures: Iterable[float]) -> Spread | None:
    """Their quantiles; None without a figure."""
    ordered = tuple(sorted(figures))
    if not ordered:
        return None
    p25, p50, p75, p95 = (quantile(ordered, share) for share in (0.25, 0.5, 0.75, 0.95))
    return Spread(p25, p50, p75, p95, ordered[-1], ordered)
