import ctypes
from types import SimpleNamespace

import pytest

from whyframe.tensorrt.device import compute_capability


def test_without_a_driver_there_is_no_gpu() -> None:
    assert compute_capability("libno_such_driver.so") is None


@pytest.mark.parametrize(
    ("init", "get", "expected"),
    [(0, 0, (8, 9)), (100, 0, None), (0, 101, None)],
    ids=["gpu", "none", "failed"],
)
def test_the_capability_is_read_from_the_driver(
    monkeypatch: pytest.MonkeyPatch, init: int, get: int, expected: tuple[int, int] | None
) -> None:
    def attribute(value: object, number: int, device: int) -> int:
        value._obj.value = {75: 8, 76: 9}[number]  # type: ignore[attr-defined]
        return get

    driver = SimpleNamespace(cuInit=lambda flags: init, cuDeviceGetAttribute=attribute)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)
    assert compute_capability() == expected


@pytest.mark.gpu
def test_the_capability_of_this_machines_gpu() -> None:
    import torch

    assert compute_capability() == torch.cuda.get_device_capability(0)
