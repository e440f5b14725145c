"""The exact resize against a float64 reference, Pillow and torch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from helpers.resampling import resampled
from whyframe.resample import resample

MODES = ("bilinear", "bicubic")
PILLOW = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
SIZES = [  # image H x W, result H x W
    ((720, 1280), (224, 224)),  # reduced, both axes differently
    ((97, 61), (53, 31)),  # odd
    ((31, 40), (90, 77)),  # enlarged
    ((20, 200), (60, 50)),  # one axis reduced, the other enlarged
    ((64, 64), (32, 32)),  # halved: sums end in exact halves
    ((50, 50), (50, 50)),  # unchanged
    ((3, 300), (2, 2)),
    ((1, 1), (5, 7)),
    ((1, 90), (1, 20)),
    ((40, 1), (1, 1)),
]


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def complete(image):
    return 0.0, 0.0, float(image.shape[0]), float(image.shape[1])


def pillow(image, window, height, width, interpolation):
    """Resize each channel by Pillow: of complete RGBA images it would multiply the colours by alpha."""
    top, left, rows, columns = window
    box = (left, top, left + columns, top + rows)
    planes = [Image.fromarray(np.ascontiguousarray(image[..., c])) for c in range(image.shape[2])]
    return np.stack([p.resize((width, height), PILLOW[interpolation], box) for p in planes], -1).astype(int)


@st.composite
def cases(draw):
    size = st.integers(1, 60)
    height, width = draw(size), draw(size)
    image = noise(height, width, draw(st.sampled_from([1, 3, 4])), draw(st.integers(0, 99)))
    top, left = draw(st.floats(0, height - 0.5)), draw(st.floats(0, width - 0.5))
    window = top, left, draw(st.floats(0.5, height - top)), draw(st.floats(0.5, width - left))
    return image, window, draw(size), draw(size), draw(st.sampled_from(MODES)), draw(st.booleans())


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_result_is_the_rounded_float64_reference(case):
    result = resample(*case)
    assert result.dtype == np.uint8
    assert result.shape == (case[2], case[3], case[0].shape[2])
    error = np.abs(result - resampled(*case))
    assert error.max() <= (1.5 if case[-1] else 0.501)  # a tie between the passes may be rounded otherwise
    assert np.median(error) <= 0.501


@pytest.mark.parametrize("interpolation", MODES)
@pytest.mark.parametrize("antialias", [True, False])
def test_a_photograph_in_hd_is_the_rounded_float64_reference(interpolation, antialias):
    image = np.tile(data.astronaut(), (2, 3, 1))[:720, :1280]
    scale = 720 / 256
    window = (16 * scale, 115.5 * scale, 224 * scale, 224 * scale)
    expected = resampled(image, window, 224, 224, interpolation, antialias)
    error = np.abs(resample(image, window, 224, 224, interpolation, antialias) - expected)
    assert error.max() <= 1
    assert (error > 0.502).mean() < 0.001


@pytest.mark.parametrize("interpolation", MODES)
@pytest.mark.parametrize(("size", "result"), SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pillow_gives_the_same_within_one_level(interpolation, size, result, channels):
    image = noise(*size, channels)
    expected = pillow(image, complete(image), *result, interpolation)
    difference = np.abs(resample(image, complete(image), *result, interpolation) - expected)
    assert difference.max() <= 1
    assert difference.mean() <= 0.02


@pytest.mark.parametrize("interpolation", MODES)
def test_tall_images_differ_from_pillow_by_roundings_only(interpolation):
    """Pillow 13 resizes their vertical axis first."""
    image = np.ascontiguousarray(np.tile(data.astronaut(), (3, 1, 1))[:1280])
    difference = np.abs(
        resample(image, complete(image), 224, 224, interpolation)
        - pillow(image, complete(image), 224, 224, interpolation)
    )
    assert difference.mean() <= 0.2
    assert difference.max() <= (1 if interpolation == "bilinear" else 10)


@pytest.mark.parametrize("interpolation", ["nearest", *MODES])
def test_pillow_gives_the_same_for_windows(interpolation):
    image = noise(123, 234)
    for window in [(10.0, 20.0, 60.0, 70.0), (0.3, 7.9, 100.2, 33.3), (115.5, 200.25, 7.5, 33.75)]:
        expected = pillow(image, window, 32, 48, interpolation)
        difference = np.abs(resample(image, window, 32, 48, interpolation) - expected)
        assert difference.max() <= (0 if interpolation == "nearest" else 1)


@pytest.mark.parametrize("interpolation", MODES)
def test_a_centre_crop_is_pillows_complete_resize_cropped_afterwards(interpolation):
    """The taps at the edge of the window reach beyond it."""
    image = np.ascontiguousarray(np.tile(data.astronaut(), (1, 2, 1))[:400, :640])
    height, width, side = 128, round(640 / 400 * 128), 112
    complete_resize = pillow(image, complete(image), height, width, interpolation)
    top, left = (height - side) // 2, (width - side) // 2
    scale_y, scale_x = 400 / height, 640 / width
    window = (top * scale_y, left * scale_x, side * scale_y, side * scale_x)
    result = resample(image, window, side, side, interpolation)
    difference = np.abs(result - complete_resize[top : top + side, left : left + side])
    assert difference.max() <= 1
    alone = resample(
        image[round(window[0]) : round(window[0] + window[2])], (0, window[1], *window[2:]), side, side
    )
    assert np.abs(result - alone.astype(int))[[0, -1]].max() > 1


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 90), st.integers(1, 90))
def test_nearest_takes_pillows_pixels(height, width, rows, columns):
    image = noise(height, width)
    expected = pillow(image, complete(image), rows, columns, "nearest")
    np.testing.assert_array_equal(resample(image, complete(image), rows, columns, "nearest"), expected)


@pytest.mark.parametrize("interpolation", MODES)
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize(("size", "result"), SIZES)
def test_torch_gives_the_same(interpolation, antialias, size, result):
    image = noise(*size)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None].double()
    expected = torch.nn.functional.interpolate(batch, size=result, mode=interpolation, antialias=antialias)
    expected = expected[0].permute(1, 2, 0).clip(0, 255).numpy()
    actual = resample(image, complete(image), *result, interpolation, antialias)
    if antialias:  # torch does not round and clip between its passes
        assert np.abs(actual - expected).mean() <= 0.6
    else:
        assert np.abs(actual - expected).max() <= 0.501


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(0, 255))
def test_a_constant_image_stays_constant(case, level):
    image = np.full_like(case[0], level)
    assert (resample(image, *case[1:]) == level).all()


@settings(max_examples=60, deadline=None)
@given(cases())
def test_flips_commute(case):
    image, (top, left, rows, columns), height, width, interpolation, antialias = case
    mirrored = image.shape[0] - top - rows, image.shape[1] - left - columns, rows, columns
    flipped = resample(image[::-1, ::-1], mirrored, height, width, interpolation, antialias)
    direct = resample(image, (top, left, rows, columns), height, width, interpolation, antialias)
    assert np.abs(flipped[::-1, ::-1].astype(int) - direct).max() <= 1


@pytest.mark.parametrize("interpolation", ["nearest", *MODES])
def test_strides_do_not_matter(interpolation):
    image = noise(80, 90, 4)
    for view in (image[::-1], image[::2, ::3], image[..., 2::-1], image.transpose(1, 0, 2), image[..., :1]):
        window = complete(view)
        expected = resample(np.ascontiguousarray(view), window, 33, 34, interpolation)
        np.testing.assert_array_equal(resample(view, window, 33, 34, interpolation), expected)


def test_an_image_larger_than_the_working_memory_is_the_float64_reference():
    image = noise(900, 2100, 3)
    expected = resampled(image, complete(image), 20, 24, "bicubic")
    assert np.abs(resample(image, complete(image), 20, 24, "bicubic") - expected).max() <= 1


def test_halves_are_rounded_up_as_in_pillow():
    image = np.array([[[10], [11]], [[10], [11]], [[21], [20]], [[21], [20]]], np.uint8)
    assert resample(image, complete(image), 4, 1, "bilinear", False)[:, 0, 0].tolist() == [11, 11, 21, 21]
