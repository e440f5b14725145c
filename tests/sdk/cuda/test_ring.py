import ctypes
import gc

import numpy as np
import pytest

from helpers.fake_gpu import FakeDriver
from whyframe.cuda.ring import Ring

SHAPES = {"mask": ((2, 3), np.float32), "input": ((4,), np.uint8)}


def write(slot, value):
    for name, (shape, dtype) in SHAPES.items():
        array = np.full(shape, value, dtype)
        ctypes.memmove(slot.pointer(name), array.ctypes.data, array.nbytes)


def test_a_result_is_unchanged_after_its_buffer_was_reused(driver):
    ring, slots = Ring(driver, SHAPES, length=3), []
    for value in range(8):
        slots.append(ring.take())
        write(slots[-1], value)
    for value, slot in enumerate(slots):
        arrays = slot.fetch()
        np.testing.assert_array_equal(arrays["mask"], np.full((2, 3), value, np.float32))
        np.testing.assert_array_equal(arrays["input"], np.full(4, value, np.uint8))


def test_a_result_is_downloaded_when_it_is_read_or_its_buffer_is_needed(driver):
    ring = Ring(driver, SHAPES, length=2)
    slots = [ring.take(), ring.take()]
    for slot in slots:
        write(slot, 5)
    assert "synchronize" not in driver.log
    third = ring.take()
    assert driver.log.count("synchronize") == 1  # the first slot's result
    assert slots[0].pointer("mask") is None
    assert slots[1].pointer("mask") is not None
    assert third.pointer("mask") is not None


def test_a_deleted_result_is_not_downloaded(driver):
    ring = Ring(driver, SHAPES, length=2)
    for value in range(6):
        write(ring.take(), value)
        gc.collect()
    assert "synchronize" not in driver.log


def test_a_result_is_downloaded_once(driver):
    slot = Ring(driver, SHAPES).take()
    write(slot, 7)
    first = slot.fetch()
    assert slot.fetch()["mask"] is first["mask"]
    assert driver.log.count("synchronize") == 1
    with pytest.raises(ValueError, match="read-only"):
        first["mask"][0, 0] = 1


def test_reading_needs_no_current_context():
    driver = FakeDriver()
    with driver.current():
        slot = Ring(driver, SHAPES).take()
        write(slot, 1)
    assert slot.fetch()["input"].tolist() == [1, 1, 1, 1]
