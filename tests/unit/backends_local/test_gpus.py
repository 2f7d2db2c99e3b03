"""GPUs through NVML, a pretended one and a recorded one: the same code for all."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from jobshape.app.backends.local.gpus import (
    Gpu,
    GpuPool,
    GpuReading,
    RealNvml,
    RecordedNvml,
    gpu_types,
    nvml_of,
)
from jobshape.app.backends.local.machine import Machine
from jobshape.app.backends.local.record import LocalJob
from jobshape.app.backends.local.shape import check_size
from jobshape.app.backends.local.view import kind_asked
from jobshape.app.domain.errors import BackendError, Refused

from .sites import GIB, MIB, recorded_gpus

RESERVED = 517 * MIB  # by the driver of an A10 that is idle
A100, T4 = "NVIDIA A100-SXM4-80GB", "Tesla T4"


class PretendedNvml(ModuleType):
    """The few functions of nvidia-ml-py that are used."""

    class NVMLError(Exception):
        """What it raises."""

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.broken = self.old_driver = False
        self.nvmlMemory_v2 = 0x2000028

    def nvmlInit(self) -> None:
        if self.broken:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if self.broken:
            raise self.NVMLError("GPU is lost")
        return index

    def nvmlDeviceGetName(self, handle: int) -> str | bytes:
        return A100 if handle else T4.encode()

    def nvmlDeviceGetMemoryInfo(self, handle: int, version: object = None) -> SimpleNamespace:
        if version is None:
            return SimpleNamespace(total=80 * GIB, used=handle * GIB + RESERVED)
        if self.old_driver:
            raise self.NVMLError("Function Not Found")
        assert version == self.nvmlMemory_v2
        return SimpleNamespace(total=80 * GIB, used=handle * GIB, reserved=RESERVED)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        if handle == 0:
            raise self.NVMLError("Not Supported")
        return SimpleNamespace(gpu=55)


@pytest.fixture
def pynvml(monkeypatch: pytest.MonkeyPatch) -> PretendedNvml:
    module = PretendedNvml()
    monkeypatch.setitem(sys.modules, "pynvml", module)
    return module


def test_nvml(pynvml: PretendedNvml) -> None:
    nvml = nvml_of("auto")
    assert nvml
    assert nvml.gpus() == (Gpu(0, T4, 80 * GIB), Gpu(1, A100, 80 * GIB))
    assert nvml.read(0) == GpuReading(0, None)
    assert nvml.read(1) == GpuReading(GIB, 55.0)
    assert gpu_types(nvml.gpus()) == "t4:1,a100:1"


@pytest.mark.parametrize("lacks", ["driver", "constant", "parameter"])
def test_an_older_nvml_counts_what_the_driver_keeps(
    pynvml: PretendedNvml, monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    if lacks == "driver":
        pynvml.old_driver = True
    elif lacks == "constant":
        del pynvml.nvmlMemory_v2
    else:
        info = SimpleNamespace(total=80 * GIB, used=RESERVED)
        monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lambda handle: info)
    nvml = nvml_of("auto")
    assert nvml and nvml.read(0).used_bytes == RESERVED


def test_a_gpu_that_is_lost_is_not_given(pynvml: PretendedNvml) -> None:
    pool = GpuPool(nvml_of("auto"), 500 * MIB)
    pool.look()
    assert [gpu.number for gpu in pool.free()] == [0]
    pynvml.broken = True
    pool.look()
    assert pool.free() == []


def test_no_driver_and_no_package(pynvml: PretendedNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    pynvml.broken = True
    assert nvml_of("auto") is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml_of("auto") is None
    with pytest.raises(BackendError, match="nvidia-ml-py is not installed"):
        RealNvml()
    assert nvml_of("none") is None


def test_a_recorded_nvml(tmp_path: Path) -> None:
    path = tmp_path / "nvml.json"
    nvml = RecordedNvml(recorded_gpus(path, 2, used={1: 7}))
    assert nvml.read(1) == GpuReading(7, 40)
    for text in ("", "[]", '{"gpus": 3}'):
        path.write_text(text)
        with pytest.raises(BackendError, match="not a recorded NVML"):
            nvml.gpus()


def test_what_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "nvml.json"
    names = (A100, A100, T4)
    pool = GpuPool(RecordedNvml(recorded_gpus(path, 6, names=names, used={0: 500 * MIB})),
                   500 * MIB)  # fmt: skip
    pool.given.add(4)
    pool.look()
    assert pool.foreign == {0}
    assert [gpu.number for gpu in pool.free()] == [1, 2, 3, 5]
    assert pool.pick(2, "a100") == (1, 3)
    assert pool.pick(3, "a100") is None
    assert pool.pick(2, "T4") == (2, 5)
    assert pool.pick(4) == (1, 2, 3, 5)
    assert pool.pick(5) is None


def test_a_word_that_is_part_of_several_types() -> None:
    names = ("NVIDIA L40S", "NVIDIA L4", "NVIDIA GeForce RTX 3090", "NVIDIA GeForce RTX 4090")
    machine = Machine("here", 4, GIB, tuple(Gpu(i, name, GIB) for i, name in enumerate(names)), ())
    for word, number in (("l4", 1), ("L40", 0), ("rtx_4090", 3), ("3090", 2)):
        job = LocalJob(gpus=1, gpu_type=word)
        check_size(job, machine)
        assert kind_asked(job, machine) == machine.gpus[number].kind
    with pytest.raises(Refused) as caught:
        check_size(LocalJob(gpus=1, gpu_type="rtx"), machine)
    assert "rtx_3090 or rtx_4090" in caught.value.hint
    with pytest.raises(Refused):
        check_size(LocalJob(gpus=2, gpu_type="l4"), machine)


def test_a_type_that_is_part_of_another_is_given_itself(tmp_path: Path) -> None:
    names = ("NVIDIA L40S", "NVIDIA L4")
    pool = GpuPool(RecordedNvml(recorded_gpus(tmp_path / "nvml.json", 2, names=names)), GIB)
    assert pool.pick(1, "l4") == (1,)
    assert pool.pick(2, "l4") is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (A100, "a100"), (T4, "t4"), ("NVIDIA GeForce RTX 4090", "rtx_4090"),
        ("NVIDIA RTX A6000", "rtx_a6000"), ("NVIDIA L40S", "l40s"), ("NVIDIA H100 PCIe", "h100"),
        ("GeForce GTX 1080 Ti", "gtx_1080"), ("Something else", "something_else"),
    ],
)  # fmt: skip
def test_types_as_people_say_them(name: str, kind: str) -> None:
    gpu = Gpu(0, name, 1)
    assert gpu.kind == kind
    assert gpu.is_a(kind) and not gpu.is_a("v100")
