"""Which jobs are runs of the same thing: names that differ only in their numbers."""

import re

_NUMBERS = re.compile(r"[0-9]+(?:(?:[.-]|e-?)[0-9]+)*")
_HASHES = re.compile(r"(?<![A-Za-z0-9])(?=[a-f]*[0-9])[0-9a-f]{7,64}(?![A-Za-z0-9])")


def family_of(name: str) -> str:
    """A name without what tells one run from the next: ``train_lr0.01_s3`` -> ``train_lr#_s#``."""
    return _NUMBERS.sub("#", _HASHES.sub("#", name))
