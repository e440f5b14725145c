import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.resampling import antialiased_rows, interpolated_rows
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


RULES = [
    ResizeRule(),
    ResizeRule(mode="crop"),
    ResizeRule(interpolation="bicubic", antialias=False),
    ResizeRule(mode="crop", shorter_side=20, interpolation="bilinear"),
    ResizeRule(mode="crop", shorter_side=20, interpolation="bicubic"),
    ResizeRule(mode="crop", shorter_side=12, interpolation="bilinear", fill=(9, 8, 7)),
    ResizeRule(mode="letterbox", interpolation="bilinear", fill=(114, 114, 114)),
    ResizeRule(mode="letterbox", interpolation="nearest"),
]


SIZES = [(45, 80), (80, 45), (33, 33), (300, 170), (9, 11)]


def fast(frame, place, spec):
    top, left, height, width = (int(value) for value in place[:4])
    part = frame[top : top + height, left : left + width].astype(np.float64)
    down, across = input_rows(height, spec.height), input_rows(width, spec.width)
    return np.einsum("yh,hwc,xw->yxc", down, part, across)


def shown(frame, place, spec):
    """Return window and size of the part of the input that shows the frame."""
    steps = place.height / spec.height, place.width / spec.width
    size = place.end_row - place.first_row, place.end_column - place.first_column
    starts = place.top + place.first_row * steps[0], place.left + place.first_column * steps[1]
    return (*starts, size[0] * steps[0], size[1] * steps[1]), size


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_the_taps_match_the_reference_of_each_rule(rng, rule, size):
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    spec = InputSpec(height=16, width=14, resize=rule)
    down, across = (dense(*taps, n) for taps, n in zip(frame_taps(*size, spec), size, strict=True))
    place = rule.placement(*size, 16, 14)
    if rule.interpolation == "fast":
        ours = np.einsum("yh,hwc,xw->yxc", down, frame.astype(np.float64), across)
        np.testing.assert_allclose(ours, fast(frame, place, spec), atol=1e-3)
        return
    window, (rows, columns) = shown(frame, place, spec)
    if rule.interpolation == "nearest":
        centres = [
            window[axis] + (np.arange(n) + 0.5) * window[axis + 2] / n
            for axis, n in ((0, rows), (1, columns))
        ]
        for matrix, centre in zip((down, across), centres, strict=True):
            assert (matrix.argmax(1) == np.floor(centre + 1e-9)).all()
        return
    matrix = antialiased_rows if rule.antialias else interpolated_rows
    for ours, axis, n in ((down, 0, rows), (across, 1, columns)):
        expected = matrix(size[axis], window[axis], window[axis + 2], n, rule.interpolation)
        np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("rule", RULES[:2], ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_the_taps_of_the_fast_rule_give_the_runtimes_input(rng, rule, size):
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    spec = InputSpec(height=16, width=14, resize=rule)
    down, across = (dense(*taps, n) for taps, n in zip(frame_taps(*size, spec), size, strict=True))
    expected = np.einsum("yh,hwc,xw->yxc", down, frame[..., ::-1].astype(np.float64), across)
    error = np.abs(to_input(frame, spec) - expected)
    assert error.max() <= 2
    assert error.mean() < 0.5
