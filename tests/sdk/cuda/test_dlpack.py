import ctypes

import numpy as np

from whyframe.cuda.dlpack import from_dlpack


class Exporter:
    """An array with NumPy's own DLPack, which takes no stream."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, stream):
        assert stream == 5
        return self.array.__dlpack__()


def test_shapes_strides_and_types_are_read(rng):
    view = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)[1:, ::2]
    tensor = from_dlpack(Exporter(view), 5)
    assert tensor.pointer == view.ctypes.data
    assert tensor.shape == view.shape
    assert tensor.byte_strides == view.strides
    assert tensor.dtype == "u1"
    assert tensor.stream is None  # __dlpack__ was given the stream that will read the array
    tensor = from_dlpack(Exporter(np.zeros((2, 5), np.float64)), 5)
    assert (tensor.dtype, tensor.byte_strides) == ("f8", (40, 8))


def test_the_capsule_lives_as_long_as_the_frame(rng):
    array = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    tensor = from_dlpack(Exporter(array), 5)
    expected = array.tobytes()
    del array
    assert ctypes.string_at(tensor.pointer, len(expected)) == expected
