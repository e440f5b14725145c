from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from whyframe_evaluation.metrics.perturbations import (
    NOISE_SIGMA,
    PERTURBATIONS,
    edit,
    normalised_score,
    reference_scores,
)

FRAME = np.full((64, 64, 3), (60, 120, 180), np.uint8)
EVERYWHERE = (slice(None), slice(None))


def test_constant_is_the_mean_colour() -> None:
    assert (PERTURBATIONS["constant"](FRAME) == FRAME).all()


def test_noise_lies_around_the_mean_colour_and_repeats() -> None:
    noise = PERTURBATIONS["noise"](FRAME)
    assert noise[..., 1].mean() == pytest.approx(120, abs=3)
    assert noise[..., 1].std() == pytest.approx(NOISE_SIGMA, rel=0.1)
    assert (noise == PERTURBATIONS["noise"](FRAME)).all()


def test_edit_replaces_the_deleted_pixels_for_every_mask_of_a_stack() -> None:
    frame, background = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 9, np.uint8)
    masks = np.array([[[True, False], [False, False]], [[False, False], [False, True]]])
    edited = edit(frame, background, masks)
    assert edited.shape == (2, 2, 2, 3)
    assert np.argwhere(edited[..., 0] == 9).tolist() == [[0, 0, 0], [1, 1, 1]]


def test_the_normalised_score_is_one_for_the_frame_and_zero_for_the_blurred_frame() -> None:
    assert normalised_score(np.array([0.9, 0.1, 0.5]), 0.9, 0.1) == pytest.approx([1, 0, 0.5])


@pytest.mark.parametrize(("clean", "blurred"), [(0.6, 0.5), (0.1, 0.9)])
def test_the_normalised_score_is_nan_where_blurring_hardly_lowers_the_probability(
    clean: float, blurred: float
) -> None:
    assert np.isnan(normalised_score(0.5, clean, blurred))


def test_reference_scores_are_those_of_the_frame_and_of_the_blurred_frame(
    checkered: np.ndarray, contrast_in: Callable[..., Any]
) -> None:
    assert reference_scores(contrast_in(EVERYWHERE), checkered, 1) == (1, 0)
