from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from whyframe_evaluation.metrics.representativeness import SLICES, simplified_masks, suppression_curves

SIDE = 32

LEFT = (slice(None), slice(0, SIDE // 2))


def ramp() -> np.ndarray:
    """Scores fall from left to right."""
    return np.tile(np.linspace(1, 0, SIDE), (SIDE, 1))


def test_a_larger_alpha_deletes_more() -> None:
    masks = simplified_masks(ramp(), smoothing=0.1)
    assert masks.shape == (20, SIDE, SIDE)
    shares = masks.mean(axis=(1, 2))
    # score 1 - column / 31 is deleted where column / 31 <= alpha
    assert shares == pytest.approx([(np.floor(31 * a + 1e-9) + 1) / SIDE for a in SLICES])
    assert not (masks[:-1] & ~masks[1:]).any()


def test_smoothing_removes_a_lone_pixel() -> None:
    heatmap = np.zeros((SIDE, SIDE))
    heatmap[8:16, 8:16] = 0.9
    heatmap[28, 28] = 1
    sharp, smooth = (simplified_masks(heatmap, [0.5], smoothing=s)[0] for s in (0.1, 2.0))
    assert sharp[28, 28]
    assert not smooth[28, 28]
    assert smooth[11, 11]


def test_every_perturbation_suppresses_as_the_right_region_goes(
    checkered: np.ndarray, contrast_in: Callable[..., Any]
) -> None:
    curves = suppression_curves(contrast_in(LEFT), checkered, ramp(), 1)
    assert set(curves) == {"constant", "noise", "blur"}
    kept = 1 - simplified_masks(ramp())[:, LEFT[0], LEFT[1]].mean(axis=(1, 2))
    for name in ("constant", "blur"):  # the contrast that is left is that of the pixels that are
        assert curves[name] == pytest.approx(kept), name
    assert curves["noise"] == pytest.approx(kept, abs=0.05)  # some noise is black or white too
    assert curves["blur"][-1] == 0


def test_the_wrong_region_suppresses_late(checkered: np.ndarray, contrast_in: Callable[..., Any]) -> None:
    right, wrong = (
        suppression_curves(contrast_in(LEFT), checkered, m, 1)["blur"] for m in (ramp(), 1 - ramp())
    )
    assert right[10] < 0.2 < 0.8 < wrong[8]


def test_unmeasurable_is_nan(contrast_in: Callable[..., Any]) -> None:
    curves = suppression_curves(contrast_in(LEFT), np.full((SIDE, SIDE, 3), 128, np.uint8), ramp(), 1)
    assert np.isnan(curves["blur"]).all()
