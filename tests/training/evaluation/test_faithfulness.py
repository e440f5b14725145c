import math

import numpy as np
import pytest
import torch
from torch import Tensor

from whyframe_training.evaluation.faithfulness import (
    measure,
    min_max_over_methods,
    ranked_weights,
    soft_mask,
    weighted_area,
)
from whyframe_training.metrics import rank_pixels
from whyframe_training.perturb import GaussianBlur

SIDE = 16


def test_each_image_gives_its_best_method_100_and_its_worst_0() -> None:
    values = {
        "ours": [80.0, 1.0, math.nan, 5.0],
        "theirs": [60.0, 3.0, 2.0, 5.0],
        "mean": [70.0, 2.0, 1.0, 5.0],
    }
    scaled = min_max_over_methods(values)
    np.testing.assert_array_equal(scaled["ours"], [100, 0, np.nan, np.nan])
    np.testing.assert_array_equal(scaled["theirs"], [0, 100, np.nan, np.nan])
    np.testing.assert_array_equal(scaled["mean"], [50, 50, np.nan, np.nan])


def test_an_outlier_weighs_no_more_than_any_image() -> None:
    scaled = min_max_over_methods({"a": [1.0, 1.0, -1e6], "b": [0.0, 0.0, 1e6]})
    assert np.nanmean(scaled["a"]) == pytest.approx(200 / 3)


def contrast_on_the_left(images: Tensor) -> Tensor:
    """The first class has the share of the left half's pixels that are still black or white, from 1 to 99 %."""
    left = images[:, 0, :, : SIDE // 2]
    p = 0.01 + 0.98 * ((left - 0.5).abs() > 0.499).double().mean((1, 2))
    return torch.stack([p, 1 - p], dim=1).log()


def test_faithfulness_of_the_right_half_and_of_the_wrong_one() -> None:
    checkered = (torch.arange(SIDE) + torch.arange(SIDE)[:, None]) % 2
    images = checkered.expand(1, 3, -1, -1).float()
    left = (torch.arange(SIDE) < SIDE // 2).expand(1, SIDE, -1).float()
    scores = measure(contrast_on_the_left, images, {"left": left, "right": 1 - left}, [0], GaussianBlur(SIDE))
    # 16 of the 32 steps climb evenly; they come first, or after 16 that change nothing
    assert scores["left"] == pytest.approx([100 * (8.5 + 16) / 32])
    assert scores["right"] == pytest.approx([100 * 8.5 / 32])


def test_what_cannot_be_measured_is_nan_for_every_method() -> None:
    masks = {"a": torch.rand(1, 4, 4), "b": torch.rand(1, 4, 4)}
    scores = measure(
        contrast_on_the_left, torch.full((1, 3, SIDE, SIDE), 0.5), masks, [0], GaussianBlur(SIDE)
    )
    assert math.isnan(scores["a"][0])
    assert math.isnan(scores["b"][0])


def test_a_smoothed_mask_ranks_what_the_mask_scores_zero() -> None:
    mask = torch.zeros(1, SIDE, SIDE)
    mask[0, 4, 4] = 1
    rank = rank_pixels(mask, GaussianBlur(SIDE, sigma=2))[0]
    assert rank[4, 4] == 0
    assert {int(rank[y, x]) for y, x in ((3, 4), (5, 4), (4, 3), (4, 5))} == {1, 2, 3, 4}
    assert rank[4, 6] < rank[4, 8] < rank[4, 11]


def a4(score_of: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Eq. 21 and Eq. 22 of a random picture, ranking and classifier."""
    generator = torch.Generator().manual_seed(seed)
    weight, image = torch.randn(2, 4, 5, generator=generator, dtype=torch.float64)
    background = torch.randn(4, 5, generator=generator, dtype=torch.float64)
    beta = torch.rand(20, generator=generator, dtype=torch.float64)
    beta = beta / beta.sum() if score_of == "affine" else beta
    order = torch.randperm(20, generator=generator)

    def score(masks: Tensor) -> Tensor:
        seen = masks * image + (1 - masks) * background * (score_of == "affine")
        linear = (seen * weight).sum((1, 2))
        return {"linear": linear, "affine": linear + 3, "square": linear**2}[score_of]

    return score(soft_mask(order, beta, 4, 5)[None])[0], weighted_area(score, order, beta, 5)


@pytest.mark.parametrize("kind", ["linear", "affine"])
def test_a4_the_area_is_the_score_of_the_soft_mask_for_a_linear_classifier(kind: str) -> None:
    mask_score, area = a4(kind)
    torch.testing.assert_close(mask_score, area)


def test_a4_is_only_an_approximation_for_others() -> None:
    mask_score, area = a4("square")
    assert abs(float(mask_score - area)) > 0.1


def test_relevance_is_the_sum_of_the_gaps_below() -> None:
    assert ranked_weights(torch.tensor([1.0, 2.0, 4.0])).tolist() == [7, 6, 4]
    order = torch.tensor([2, 0, 3, 1])
    assert soft_mask(order, torch.ones(4), 2, 2).tolist() == [[3, 1], [4, 2]]
