"""The diagnosis as the benchmark of the corpus calls it: a record in, ranked classes out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobshape.app.signals.diagnose import diagnose, findings_for


def classify(record: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Classes of one record (``text``, ``slurm``) with their confidence, likeliest first."""
    return [(f.label, f.confidence) for f in diagnose(record["text"], record.get("slurm") or {})]


def classify_file(path: str) -> list[tuple[str, float]]:
    """The same for a log file of any size."""
    return [(f.label, f.confidence) for f in findings_for({"log": Path(path)}, {})]
