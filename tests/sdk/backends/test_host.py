import numpy as np
import pytest

from helpers.fake_gpu import CudaArray
from whyframe import FrameError


def test_a_frame_on_a_gpu_is_refused_with_the_fix(engine, frame):
    with pytest.raises(FrameError, match=r"in GPU memory.*backend='tensorrt'"):
        engine.run(CudaArray(frame))


def test_prefetching_a_frame_changes_nothing(engine, frame):
    engine.prefetch(frame)
    before = engine.run(frame)
    engine.prefetch(frame)
    np.testing.assert_array_equal(engine.run(frame).saliency, before.saliency)
