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

EVERYWHERE = (slice(None), slice(None))


def test_constant_is_the_mean_colour_and_noise_lies_around_it() -> None:
    frame = np.full((64, 64, 3), (60, 120, 180), np.uint8)
    assert (PERTURBATIONS["constant"](frame, 0) == frame).all()
    noise = PERTURBATIONS["noise"](frame, 0)
    assert noise[..., 1].mean() == pytest.approx(120, abs=3)
    assert noise[..., 1].std() == pytest.approx(NOISE_SIGMA, rel=0.1)
    assert (noise == PERTURBATIONS["noise"](frame, 0)).all()
    assert (noise != PERTURBATIONS["noise"](frame, 1)).any()


def test_edit_deletes_what_the_mask_says_in_every_frame_of_a_stack() -> None:
    frame, background = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 9, np.uint8)
    masks = np.array([[[True, False], [False, False]], [[False, False], [False, True]]])
    edited = edit(frame, background, masks)
    assert edited.shape == (2, 2, 2, 3)
    assert np.argwhere(edited[..., 0] == 9).tolist() == [[0, 0, 0], [1, 1, 1]]


def test_the_normalised_score_is_one_clean_and_zero_blurred() -> None:
    assert normalised_score(np.array([0.9, 0.1, 0.5]), 0.9, 0.1) == pytest.approx([1, 0, 0.5])
    assert np.isnan(normalised_score(0.5, 0.6, 0.5))
    assert np.isnan(normalised_score(0.5, 0.1, 0.9))


def test_references_are_the_clean_and_the_blurred_frame(
    checkered: np.ndarray, contrast_in: Callable[..., Any]
) -> None:
    assert reference_scores(contrast_in(EVERYWHERE), checkered, 1) == (1, 0)
