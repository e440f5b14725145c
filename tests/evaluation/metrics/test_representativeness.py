from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from whyframe_evaluation.metrics.representativeness import ALPHAS, simplified_masks, suppression_curves

SIDE = 32

LEFT = (slice(None), slice(0, SIDE // 2))


def ramp() -> np.ndarray:
    """Return scores that fall from left to right."""
    return np.tile(np.linspace(1, 0, SIDE), (SIDE, 1))


def test_a_larger_alpha_deletes_more() -> None:
    masks = simplified_masks(ramp())
    assert masks.shape == (len(ALPHAS), SIDE, SIDE)
    assert not (masks[:-1] & ~masks[1:]).any()
    assert 0 < masks[0].mean() < 0.1
    assert 0.8 < masks[-1].mean() < 1


def test_the_pixels_with_high_scores_are_deleted_first() -> None:
    half = simplified_masks(ramp())[ALPHAS.index(0.5)]
    assert half[:, : SIDE // 2].all()
    assert not half[:, SIDE // 2 :].any()


def test_smoothing_removes_a_single_pixel() -> None:
    heatmap = np.zeros((3 * SIDE, 3 * SIDE))
    heatmap[20:50, 20:50] = 0.9
    heatmap[80, 80] = 1
    mask = simplified_masks(heatmap)[ALPHAS.index(0.5)]
    assert mask[35, 35]
    assert not mask[80, 80]


def test_every_perturbation_suppresses_as_the_right_region_is_deleted(
    checkered: np.ndarray, contrast_in: Callable[..., Any]
) -> None:
    curves = suppression_curves(contrast_in(LEFT), checkered, ramp(), 1)
    assert set(curves) == {"constant", "noise", "blur"}
    kept = 1 - simplified_masks(ramp())[:, LEFT[0], LEFT[1]].mean(axis=(1, 2))
    for name in ("constant", "blur"):  # the contrast that is left is that of the kept pixels
        assert curves[name] == pytest.approx(kept), name
    assert curves["noise"] == pytest.approx(kept, abs=0.05)  # some of the noise is black or white, too
    assert curves["blur"][-1] == 0


def test_the_wrong_region_suppresses_late(checkered: np.ndarray, contrast_in: Callable[..., Any]) -> None:
    right, wrong = (
        suppression_curves(contrast_in(LEFT), checkered, heatmap, 1)["blur"]
        for heatmap in (ramp(), 1 - ramp())
    )
    assert right[10] < 0.2 < 0.8 < wrong[8]


def test_the_scores_are_nan_where_blurring_changes_nothing(contrast_in: Callable[..., Any]) -> None:
    curves = suppression_curves(contrast_in(LEFT), np.full((SIDE, SIDE, 3), 128, np.uint8), ramp(), 1)
    assert np.isnan(curves["blur"]).all()
