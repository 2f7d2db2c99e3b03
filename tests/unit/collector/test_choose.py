"""Which backend is chosen, and what is said where none can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jobshape.app.backends.base import Backend
from jobshape.app.backends.commands.backend import CommandsBackend
from jobshape.app.backends.commands.controller import gpu_usage_of
from jobshape.app.backends.gpu_usage.figures import GpuFigures
from jobshape.app.backends.gpu_usage.reader import GpuNote
from jobshape.app.backends.gpu_usage.sources import GpuSources
from jobshape.app.backends.pyslurm.backend import PyslurmBackend
from jobshape.app.collector.choose import choose_backend
from jobshape.app.collector.forked import Emit
from jobshape.app.collector.reading import relearn, with_backend
from jobshape.app.domain.errors import NoSite


@pytest.mark.parametrize("kind", ["no_such_module:make", "json:no_such_function", "slurmish"])
def test_a_backend_that_does_not_exist_is_said_to(kind: str) -> None:
    with pytest.raises(NoSite) as caught:
        choose_backend(kind)
    assert kind in caught.value.what
    assert caught.value.hint


def test_commands_are_commands() -> None:
    kind, backend = choose_backend("commands", ssh="somewhere")
    assert (kind, backend.calls) == ("commands", {})


def test_a_site_says_where_gpu_figures_come_from() -> None:
    settings = {"GresTypes": "gpu", "AccountingStorageTRES": "cpu,gres/gpu,gres/gpuutil"}
    told = [
        gpu_usage_of(settings, GpuSources.from_head({"dcgm_url": url, "probe": probe, "new": 1}))
        for url, probe in (("http://p", True), ("", True), ("", False))
    ]
    assert [one.available for one in told] == [True, True, True]
    assert "else DCGM at http://p, else nvidia-smi in jobs looked at" in told[0].detail
    assert told[0].hint == "" and "AutoDetect=nvml" in told[2].hint
    nothing = gpu_usage_of({"GresTypes": "gpu"}, GpuSources(probe=False))
    assert not nothing.available
    assert nothing.detail.startswith("no GPU figures: ") and "dcgm_url" in nothing.hint
    assert "GresTypes" in gpu_usage_of({"GresTypes": "(null)"}, GpuSources()).detail
    assert GpuSources.from_head(None) == GpuSources()


def test_the_local_backend_needs_a_site() -> None:
    with pytest.raises(NoSite) as caught:
        choose_backend("local")
    assert "page of kind `local`" in caught.value.hint


@pytest.mark.parametrize("make", [CommandsBackend, PyslurmBackend])
def test_what_a_child_learned_of_gpus_is_known_to_the_next_one(make: Callable[[], Backend]) -> None:
    """Else nvidia-smi would be run at every reading."""
    probed = GpuFigures("nvidia-smi", 40.0)
    notes = {7: GpuNote(1.0, gpus=2, probed=probed, slots={"g1": frozenset("01")})}

    def work(backend: Backend, emit: Emit) -> dict[str, Any]:
        vars(backend)["_gpu_notes"] = notes
        return {}

    child, parent = make(), make()
    head = with_backend(child, lambda: ("", child), work, lambda frame: None)
    relearn(parent, json.loads(json.dumps(head)))
    assert vars(parent)["_gpu_notes"] == notes
