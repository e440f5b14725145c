import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.resize_rule import input_rows
from whyframe.input_spec import InputSpec
from whyframe.native.resampling import frame_taps, resize_taps
from whyframe.preprocess import to_input
from whyframe.resize_rule import ResizeRule


def dense(start, weight, size):
    """Return the taps as a side x size matrix. A tap of weight 0 may lie outside."""
    rows = np.zeros((len(start), size))
    for row, first, line in zip(rows, start, weight, strict=True):
        for k in np.flatnonzero(line):
            row[first + k] += line[k]
    return rows


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 20), st.integers(1, 400), st.integers(0, 20), st.sampled_from([1, 2, 7, 16, 32, 56]))
def test_taps_match_the_resize_rule_in_float64(before, length, after, side):
    start, weight = resize_taps(before, length, side)
    rows = dense(start, weight, before + length + after)
    np.testing.assert_allclose(rows[:, before : before + length], input_rows(length, side), atol=1e-6)
    assert not rows[:, :before].any()
    assert not rows[:, before + length :].any()
    assert (np.diff(start) >= 0).all()
    assert start.dtype == np.int32
    assert weight.dtype == np.float32


@pytest.mark.parametrize(("length", "taps"), [(224, 1), (720, 5), (1080, 9), (2160, 17), (3840, 33)])
def test_no_more_taps_than_the_rule_needs(length, taps):
    assert resize_taps(0, length, 224)[1].shape[1] <= taps


@pytest.mark.parametrize("resize", ["stretch", "crop"])
@pytest.mark.parametrize("size", [(45, 80), (80, 45), (33, 33), (300, 170)])
def test_the_taps_give_the_runtimes_input(rng, resize, size):
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    spec = InputSpec.square(16, resize=ResizeRule(mode=resize))
    rows, columns = frame_taps(*size, spec)
    down, across = dense(*rows, size[0]), dense(*columns, size[1])
    expected = np.einsum("yh,hwc,xw->yxc", down, frame[..., ::-1].astype(np.float64), across)
    error = np.abs(to_input(frame, spec) - expected)
    assert error.max() <= 2
    assert error.mean() < 0.5
