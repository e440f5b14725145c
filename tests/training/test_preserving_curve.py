import math

import numpy as np
import pytest
import torch

from whyframe import perturb as sdk
from whyframe.perturb import faithfulness
from whyframe_training.perturb import GaussianBlur, perturb
from whyframe_training.preserving_curve import preserving_curve, rank_pixels

SIDE = 32


def test_curve_and_ranking_are_the_runtimes() -> None:
    generator = torch.Generator().manual_seed(0)
    frame = torch.randint(0, 256, (SIDE, SIDE, 3), generator=generator, dtype=torch.uint8)
    mask = torch.rand(8, 8, generator=generator)
    mask[:4] = 0  # ties
    weight = torch.randn(5, 3, SIDE, SIDE, generator=generator).double() * 0.01

    def probabilities(images: torch.Tensor) -> torch.Tensor:
        rounded = (images.double() * 255).round()  # as the runtime's uint8 frames
        return ((rounded[:, None] * weight).sum((2, 3, 4)) / 255).softmax(1)

    def classify(frames: np.ndarray) -> np.ndarray:
        return probabilities(torch.from_numpy(frames).permute(0, 3, 1, 2).double() / 255).numpy()

    blur = GaussianBlur(SIDE)
    scores = sdk.upsample(mask.numpy(), SIDE, SIDE)
    order = rank_pixels(mask[None], blur)[0].flatten().argsort()
    agree = (order.numpy() == sdk.rank_pixels(scores)).mean()
    assert agree > 0.95  # float32 interpolation may swap near-equal neighbours
    ours = preserving_curve(probabilities, frame.permute(2, 0, 1).double() / 255, mask, 2, blur)
    theirs = sdk.preserving_curve(classify, frame.numpy(), scores, 2)
    np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-3)


def test_curve_ends_are_the_blurred_and_the_clean_image() -> None:
    image = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    blur = GaussianBlur(SIDE)
    inputs = []

    def probabilities(images: torch.Tensor) -> torch.Tensor:
        inputs.append(images)
        return images.mean((2, 3))

    assert len(preserving_curve(probabilities, image, torch.rand(8, 8), 0, blur, steps=4)) == 5
    torch.testing.assert_close(inputs[0][0], blur(image[None])[0])
    torch.testing.assert_close(inputs[0][-1], image)


def contrast_on_the_left(images: torch.Tensor) -> torch.Tensor:
    """Return probabilities of two classes; the first is the share of unblurred pixels in the left half."""
    left = images[:, 0, :, : SIDE // 2]
    p = 0.01 + 0.98 * ((left - 0.5).abs() > 0.499).double().mean((1, 2))
    return torch.stack([p, 1 - p], dim=1)


def test_faithfulness_of_the_right_half_and_of_the_wrong_one() -> None:
    checkered = ((torch.arange(SIDE) + torch.arange(SIDE)[:, None]) % 2).expand(3, -1, -1).float()
    left = (torch.arange(SIDE) < SIDE // 2).expand(SIDE, -1).float()
    found = [
        faithfulness(preserving_curve(contrast_on_the_left, checkered, mask, 0, GaussianBlur(SIDE)))
        for mask in (left, 1 - left)
    ]
    # 16 of the 32 steps climb evenly; they come first, or after 16 that change nothing
    assert found == pytest.approx([100 * (8.5 + 16) / 32, 100 * 8.5 / 32])


def test_what_blurring_does_not_change_cannot_be_measured() -> None:
    grey = torch.full((3, SIDE, SIDE), 0.5)
    curve = preserving_curve(contrast_on_the_left, grey, torch.rand(4, 4), 0, GaussianBlur(SIDE))
    assert math.isnan(faithfulness(curve))


def test_a_smoothed_mask_ranks_what_the_mask_scores_zero() -> None:
    mask = torch.zeros(1, SIDE, SIDE)
    mask[0, 4, 4] = 1
    rank = rank_pixels(mask, GaussianBlur(SIDE, sigma=2))[0]
    assert rank[4, 4] == 0
    assert {int(rank[y, x]) for y, x in ((3, 4), (5, 4), (4, 3), (4, 5))} == {1, 2, 3, 4}
    assert rank[4, 6] < rank[4, 8] < rank[4, 11]


def a4(power: int) -> tuple[float, float]:
    """Return Eq. 21 and Eq. 22 for a random ranking, where p is a power of a weighted sum of the pixels."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(3, 8, 8, generator=generator, dtype=torch.float64)
    image = (drawn > 0.5).double()
    weight = drawn * image / (drawn * image).sum()  # p is 1 for the image and about 1/2 once it is blurred
    beta = 0.1 + torch.rand(64, generator=generator, dtype=torch.float64)
    beta /= beta.sum()  # a background makes p affine, not linear
    mask = torch.empty_like(beta)
    mask[torch.randperm(64, generator=generator)] = beta.flip(0).cumsum(0).flip(0)
    mask, blur = mask.view(8, 8), GaussianBlur(8)

    def probabilities(images: torch.Tensor) -> torch.Tensor:
        p = (images * weight).sum((1, 2, 3)) ** power
        return torch.stack([p, 1 - p], dim=1)

    perturbed = perturb(image[None], mask[None, None], blur(image[None]))
    curve = preserving_curve(probabilities, image, mask, 0, blur, steps=64)
    return float(probabilities(perturbed)[0, 0]), float((beta * curve[1:]).sum())


def test_a4_the_weighted_area_is_the_score_of_the_soft_mask_for_a_linear_classifier() -> None:
    mask_score, area = a4(power=1)
    assert mask_score == pytest.approx(area)


def test_a4_is_only_an_approximation_for_others() -> None:
    mask_score, area = a4(power=8)
    assert abs(mask_score - area) > 0.1
