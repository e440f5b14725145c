import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from helpers import toy
from whyframe import perturb


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 80), st.sampled_from([0.5, 1.0, 3.0, 10.0]))
def test_the_blur_matrix_equals_scipy_and_its_rows_sum_to_1(size, sigma):
    matrix = perturb.blur_matrix(size, sigma)
    radius = math.ceil(3 * sigma)
    impulses = ndimage.gaussian_filter1d(np.eye(size), sigma, axis=0, mode="mirror", radius=radius)
    np.testing.assert_allclose(matrix, impulses, atol=1e-12)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70))
def test_blur_equals_the_product_with_its_matrices(height, width):
    frame = np.random.default_rng(height + 100 * width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    down, across = perturb.blur_matrix(height), perturb.blur_matrix(width)
    expected = np.einsum("yh,hwc,xw->yxc", down, frame.astype(np.float64), across)
    assert np.abs(perturb.blur(frame) - expected).max() <= 0.5 + 1e-3


def test_the_blur_of_a_constant_is_itself():
    frame = np.full((20, 30, 3), (1, 128, 255), np.uint8)
    np.testing.assert_array_equal(perturb.blur(frame), frame)


def test_pixels_are_ranked_by_descending_score(rng):
    scores = rng.random((16, 16)).astype(np.float32)
    order = perturb.rank_pixels(scores)
    assert sorted(order) == list(range(256))
    assert (np.diff(scores.ravel()[order]) <= 2 * perturb.TIE_WEIGHT).all()


def test_ties_are_ranked_by_the_scores_around_them():
    scores = np.zeros((32, 32), np.float32)
    scores[28:, 28:] = 1  # in the corner that comes last in reading order
    order = perturb.rank_pixels(scores)
    place = np.argsort(order).reshape(32, 32)
    assert place[27, 27] < place[15, 15] < place[0, 0]
    assert place[28:, 28:].max() == 15


def test_a_constant_map_keeps_the_reading_order():
    assert perturb.rank_pixels(np.full((5, 5), 0.1768, np.float32)).tolist() == list(range(25))


def test_preserve_keeps_exactly_the_first_pixels(rng):
    frame = rng.integers(1, 256, (6, 6, 3), dtype=np.uint8)
    order = rng.permutation(36)
    frames = perturb.preserve(frame, np.zeros_like(frame), order, [0, 1, 17, 36])
    for perturbed, count in zip(frames, (0, 1, 17, 36), strict=True):
        expected = np.zeros((36, 3), np.uint8)
        expected[order[:count]] = frame.reshape(36, 3)[order[:count]]
        np.testing.assert_array_equal(perturbed.reshape(36, 3), expected)


def test_the_preserving_curve_runs_from_the_blurred_frame_to_the_frame(rng):
    classifier = toy.Toy()
    frame = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    calls = []

    def classify(frames):
        calls.append(len(frames))
        return classifier.probabilities(frames)

    curve = perturb.preserving_curve(classify, frame, rng.random((16, 16)), 2, steps=8)
    assert curve.shape == (9,)
    assert calls == [9]
    assert curve[0] == classifier.probabilities(perturb.blur(frame)[None])[0, 2]
    assert curve[-1] == classifier.probabilities(frame[None])[0, 2]


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (np.linspace(0.2, 0.8, 33), 100 * 33 / 64),  # a straight line: mean of i / 32
        (np.array([0.1] + [0.9] * 32), 100.0),  # the first step restores all
        (np.array([0.1] * 32 + [0.9]), 100 / 32),  # only the last pixels count
        (np.array([0.5, 0.3, 0.7]), 100 * (-1 + 1) / 2),
    ],
)
def test_faithfulness_in_closed_form(curve, expected):
    assert perturb.faithfulness(curve) == pytest.approx(expected)


@pytest.mark.parametrize("drop", [-0.5, 0.0, 0.1])
def test_faithfulness_is_nan_where_blurring_hardly_lowers_the_probability(drop):
    assert math.isnan(perturb.faithfulness(np.linspace(0, drop, 33)))
    assert perturb.MINIMUM_DROP == 0.1
