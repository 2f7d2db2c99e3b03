"""The GPUs of this machine, through NVML, or through a recorded NVML where there are none.

A recorded NVML is a JSON file, read anew for every question::

    {"gpus": [{"name": "NVIDIA A100-SXM4-80GB", "memory_bytes": 85899345920,
               "used_bytes": 0, "utilisation_percent": 0}, ...]}

It stands for NVML in tests and on machines without a GPU: the same code runs, jobs are given GPUs
that do not exist. ``used_bytes`` plays somebody else's process on the GPU.
"""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from jobshape.app.domain.errors import BackendError

_MODEL = re.compile(r"\b(?:[rg]tx[ _]?)?[a-z]{0,2}\d{1,4}[a-z]{0,2}\b")
AUTO, NO_GPUS = "auto", "none"


class Gpu(NamedTuple):
    """One GPU: its number, NVML's name for it, and how much memory it has."""

    number: int
    name: str
    memory_bytes: int

    @property
    def kind(self) -> str:
        """Its type as people ask for it: ``a100`` of ``NVIDIA A100-SXM4-80GB``."""
        name = self.name.lower()
        match = _MODEL.search(name)
        return match[0].replace(" ", "_") if match else re.sub(r"[^a-z0-9]+", "_", name).strip("_")

    def is_a(self, kind: str) -> bool:
        """Whether a request for this type means it; like Slurm, a part of the name will do."""
        wanted = kind.lower()
        return wanted == self.kind or wanted in re.sub(r"\s+", "_", self.name.lower())


@lru_cache(maxsize=64)
def gpus_named(gpus: tuple[Gpu, ...], kind: str) -> tuple[Gpu, ...]:
    """Those that a request for this type means: of that very type if there are any."""
    wanted = kind.lower()
    return (
        tuple(gpu for gpu in gpus if gpu.kind == wanted)
        or tuple(gpu for gpu in gpus if gpu.is_a(wanted))
    )  # fmt: skip


class GpuReading(NamedTuple):
    """What NVML says of a GPU now."""

    used_bytes: int
    utilisation_percent: float | None


class Nvml(Protocol):
    """The little of NVML that is used."""

    def gpus(self) -> tuple[Gpu, ...]:
        """All GPUs, by number."""
        ...

    def read(self, index: int) -> GpuReading:
        """Memory in use and utilisation of one GPU."""
        ...


class RealNvml:
    """NVML through the package nvidia-ml-py. Raises BackendError where there is none."""

    def __init__(self) -> None:
        try:
            import pynvml
        except ImportError as error:
            raise BackendError("nvidia-ml-py is not installed", where="NVML",
                               hint="pip install 'jobshape[gpu]'") from error  # fmt: skip
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise BackendError(str(error), where="NVML") from error

    def gpus(self) -> tuple[Gpu, ...]:
        """All GPUs, by number."""
        with self._asking() as nvml:
            return tuple(self._gpu(index) for index in range(nvml.nvmlDeviceGetCount()))

    def read(self, index: int) -> GpuReading:
        """Memory in use and utilisation of one GPU."""
        with self._asking() as nvml:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            used = _used_bytes(nvml, handle)
            percent: float | None = None
            with suppress(nvml.NVMLError):  # not every model says
                percent = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
            return GpuReading(used, percent)

    def _gpu(self, index: int) -> Gpu:
        handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
        name = self._nvml.nvmlDeviceGetName(handle)
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        return Gpu(index, text, int(self._nvml.nvmlDeviceGetMemoryInfo(handle).total))

    def _asking(self) -> "_Asking":
        return _Asking(self._nvml)


def _used_bytes(nvml: Any, handle: Any) -> int:
    """Memory that processes use; version 1 counts what the driver keeps for itself, too."""
    try:
        return int(nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2).used)
    except (AttributeError, TypeError, nvml.NVMLError):  # an older binding or driver
        return int(nvml.nvmlDeviceGetMemoryInfo(handle).used)


class _Asking:
    """NVML's errors as ours."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml

    def __enter__(self) -> Any:
        return self._nvml

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, self._nvml.NVMLError):
            raise BackendError(str(error), where="NVML") from error


class RecordedNvml:
    """A recorded NVML: the file that the site's ``gpus`` names. Raises BackendError."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def gpus(self) -> tuple[Gpu, ...]:
        """All GPUs, by number."""
        return tuple(
            Gpu(index, str(entry.get("name", "GPU")), int(entry.get("memory_bytes", 0)))
            for index, entry in enumerate(self._entries())
        )

    def read(self, index: int) -> GpuReading:
        """What was recorded of one GPU."""
        entry = self._entries()[index]
        percent = entry.get("utilisation_percent")
        return GpuReading(int(entry.get("used_bytes", 0)), None if percent is None else percent)

    def _entries(self) -> list[dict[str, Any]]:
        try:
            entries: list[dict[str, Any]] = json.loads(self._path.read_text("utf-8"))["gpus"]
            if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
                raise ValueError("gpus is no list of objects")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackendError(f"not a recorded NVML: {error}", where=str(self._path),
                               hint="the site's gpus names this file") from error  # fmt: skip
        return entries


def nvml_of(gpus: str) -> Nvml | None:
    """The NVML for a site's ``gpus``; None where it has no GPUs. Raises BackendError."""
    if gpus == NO_GPUS:
        return None
    if gpus != AUTO:
        return RecordedNvml(gpus)
    try:
        return RealNvml()
    except BackendError:  # no package, no driver: a machine without GPUs
        return None


def gpus_of(gpus: str) -> tuple[Gpu, ...]:
    """The GPUs of a site. Raises BackendError for a file that is no recorded NVML."""
    nvml = nvml_of(gpus)
    return nvml.gpus() if nvml else ()


def gpu_types(gpus: Iterable[Gpu]) -> str:
    """The types as Slurm writes them: ``a100:4,t4:2``."""
    counts: dict[str, int] = {}
    for gpu in gpus:
        counts[gpu.kind] = counts.get(gpu.kind, 0) + 1
    return ",".join(f"{kind}:{count}" for kind, count in counts.items())


class GpuPool:
    """Which GPUs may be given: those that none of our jobs has and nobody else uses."""

    def __init__(self, nvml: Nvml | None, busy_bytes: int) -> None:
        self._nvml = nvml
        self._busy_bytes = busy_bytes
        self.gpus = nvml.gpus() if nvml else ()
        self.given: set[int] = set()
        self.foreign: frozenset[int] = frozenset()

    def look(self) -> None:
        """See which GPUs somebody else uses. One that cannot be read counts as in use."""
        foreign = set()
        for gpu in self.gpus:
            if gpu.number not in self.given:
                reading = self.read(gpu.number)
                if reading is None or reading.used_bytes >= self._busy_bytes:
                    foreign.add(gpu.number)
        self.foreign = frozenset(foreign)

    def read(self, index: int) -> GpuReading | None:
        """What NVML says of one GPU; None where it does not."""
        try:
            return self._nvml.read(index) if self._nvml else None
        except (BackendError, IndexError):
            return None

    def free(self) -> list[Gpu]:
        """GPUs that may be given, as of the last look."""
        taken = self.given | self.foreign
        return [gpu for gpu in self.gpus if gpu.number not in taken]

    def note_given(self, gpu_ids: Iterable[str]) -> None:
        """Which GPUs our jobs have. gpu_ids: of each job, as ``0,2``."""
        self.given = {int(index) for ids in gpu_ids for index in ids.split(",") if index}

    def pick(self, count: int, kind: str = "") -> tuple[int, ...] | None:
        """This many GPUs of a type together, or None; scarce types are kept for who names them."""
        meant = gpus_named(self.gpus, kind) if kind else self.gpus
        fitting = [gpu for gpu in self.free() if gpu in meant]
        if len(fitting) < count:
            return None
        of_kind: dict[str, int] = {}
        for gpu in fitting:
            of_kind[gpu.kind] = of_kind.get(gpu.kind, 0) + 1
        fitting.sort(key=lambda gpu: (-of_kind[gpu.kind], gpu.number))
        return tuple(sorted(gpu.number for gpu in fitting[:count]))
