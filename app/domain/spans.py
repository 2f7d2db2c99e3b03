"""Durations and rates in words, for sentences."""


def span_words(seconds: float) -> str:
    """A duration in a few words: ``3 h 20 min``, ``12 min``, ``45 s``, ``4 d 12 h``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        hours, minutes = divmod(whole // 60, 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(whole // 3600, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def pace_words(per_hour: float) -> str:
    """Jobs an hour in at most four figures: ``212``, ``4.3``, ``0.25``."""
    if per_hour >= 10:
        return f"{per_hour:,.0f}"
    return f"{per_hour:.1f}" if per_hour >= 1 else f"{per_hour:.2f}"
