from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers import colour_network
from helpers.tiny_classifier import classifier as tiny_classifier
from whyframe_evaluation.methods.extremal_perturbation import ExtremalPerturbation, SmoothMask, area_penalty
from whyframe_training.perturb import GaussianBlur

QUICK = {"iterations": 100, "step": 4, "width": 8.0}  # for images of 64 x 64


@pytest.mark.parametrize(("side", "step", "sigma"), [(12, 4, 4.0), (13, 3, 5.0), (14, 7, 7.0)])
def test_smooth_masks_by_the_definition(side: int, step: int, sigma: float) -> None:
    smooth = SmoothMask(side, side, step, sigma)
    cells, _ = smooth.cells
    p = torch.rand(2, 1, cells, cells, generator=torch.Generator().manual_seed(0)).double()
    mask = smooth(p)
    expected = [by_hand(grid[0].numpy(), step, sigma, smooth.border, smooth.radius) for grid in p]
    np.testing.assert_allclose(mask[:, 0].numpy(), expected, atol=1e-12)
    assert smooth.crop(mask).shape == (2, 1, side, side)
    start = smooth.border * step
    np.testing.assert_array_equal(
        smooth.crop(mask)[0, 0], mask[0, 0, start : start + side, start : start + side]
    )


def by_hand(p: np.ndarray, step: int, sigma: float, border: int, radius: int) -> np.ndarray:
    """Return the smooth maximum over the cells around each pixel; cells outside the grid are 0."""
    total = (len(p) + 2 * border) * step
    mask = np.empty((total, total))
    for u, v in np.ndindex(total, total):
        row, column = u // step - border, v // step - border
        values = []
        for i in range(row - radius, row + radius + 1):
            for j in range(column - radius, column + radius + 1):
                inside = 0 <= i < len(p) and 0 <= j < len(p)
                y, x = ((k + border + 0.5) * step - 0.5 for k in (i, j))
                distance = np.hypot(u - y, v - x) / sigma
                values.append(np.exp(-2 * max(distance - 0.5, 0) ** 2) * p[i, j] if inside else 0.0)
        weights = np.exp(20 * np.array(values))
        mask[u, v] = np.dot(values, weights / weights.sum())
    return mask


def test_a_mirrored_parameter_is_a_mirrored_mask() -> None:
    smooth = SmoothMask(28, 28)
    p = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(smooth.crop(smooth(p.flip(-1))), smooth.crop(smooth(p)).flip(-1))


def test_the_area_penalty_by_hand() -> None:
    mask = torch.tensor([[[[0.2, 1.0], [0.0, 0.6]]]])  # ranked 0, 0.2, 0.6, 1; for a half: 0, 0, 1, 1
    assert area_penalty(mask, torch.tensor([0.5])).item() == pytest.approx((0.04 + 0.16) / 4)
    assert area_penalty(mask, torch.tensor([0.25])).item() == pytest.approx((0.04 + 0.36) / 4)
    binary = torch.tensor([[[[0.0, 1], [0, 0]]]])
    assert area_penalty(binary, torch.tensor([0.25])).item() == 0


def test_the_mask_is_where_the_class_is_and_as_large_as_asked() -> None:
    method = ExtremalPerturbation(areas=(0.1, 0.2), smoothing=0.0, **QUICK)
    images, targets = colour_network.image().expand(3, -1, -1, -1), torch.arange(3)
    masks = method.masks(colour_network.classifier(), images, targets, lambda _done, _total: None)
    assert masks.shape == (3, 2, 64, 64)
    assert (masks[:, 0].mean((1, 2)) < masks[:, 1].mean((1, 2))).all()
    for target, importance in enumerate(masks.sum(1) / 2):
        inside = [importance[colour_network.patch(colour)].mean() for colour in range(3)]
        assert inside.pop(target) > 0.6
        assert max(inside) < 0.15


def test_gradient_descent_by_hand() -> None:
    """Write out the dampened momentum, the growing weight, and the mirrored images of even steps."""
    classifier = tiny_classifier().double()
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).double()
    method = ExtremalPerturbation(areas=(0.3,), iterations=5, step=8, width=8.0, levels=2, smoothing=0.0)
    ours = method.explain(classifier, image, torch.tensor([2]))[0]

    smooth = SmoothMask(64, 64, 8, 8.0)
    background = torch.from_numpy(blurred_by_opencv(image[0].permute(1, 2, 0).numpy(), 20)).permute(2, 0, 1)
    p = torch.ones(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    velocity: torch.Tensor | None = None
    for step in range(5):
        mask = smooth(p)
        x = background + smooth.crop(mask) * (image - background)
        logit = classifier.logits(x if step % 2 else x.flip(3))[0, 2]
        ranked = mask.flatten().sort(stable=True).values
        reference = torch.arange(len(ranked)) >= round(0.7 * len(ranked))
        loss = 300 * 1.0035**step * ((ranked - reference.double()) ** 2).mean() - logit
        (gradient,) = torch.autograd.grad(loss, p)
        velocity = gradient if velocity is None else 0.9 * velocity + 0.1 * gradient
        p = (p - 0.01 * velocity).detach().clamp(0, 1).requires_grad_()
    np.testing.assert_allclose(ours.numpy(), smooth.crop(smooth(p))[0, 0].detach().numpy(), atol=1e-5)


def blurred_by_opencv(image: np.ndarray, sigma: float) -> np.ndarray:
    import cv2

    radius = int(np.ceil(3 * sigma))
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    smooth = cv2.GaussianBlur(padded, (2 * radius + 1,) * 2, sigma)
    return smooth[radius:-radius, radius:-radius]


def test_a_map_does_not_depend_on_its_batch() -> None:
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([0, 4, 2])
    method = ExtremalPerturbation(areas=(0.1, 0.3), iterations=15, step=8, width=8.0)
    together = method.explain(tiny_classifier(), images, targets)
    alone = [
        method.explain(tiny_classifier(), x[None], t[None]) for x, t in zip(images, targets, strict=True)
    ]
    assert together.shape == (3, 64, 64)
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-4, rtol=0)
    assert torch.equal(together, method.explain(tiny_classifier(), images, targets)), "the same again"


def test_the_map_is_the_sum_of_the_masks_smoothed() -> None:
    classifier, images, targets = tiny_classifier(), torch.rand(2, 3, 64, 64), torch.tensor([0, 1])
    method = ExtremalPerturbation(areas=(0.1, 0.2), iterations=3, step=8, width=8.0, smoothing=0.1)
    masks = method.masks(classifier, images, targets, lambda _done, _total: None)
    expected = GaussianBlur(64, sigma=6.4)(masks.sum(1))
    torch.testing.assert_close(method.explain(classifier, images, targets), expected)
    plain = replace(method, smoothing=0.0).explain(classifier, images, targets)
    torch.testing.assert_close(plain, masks.sum(1))


def test_the_classifier_is_unchanged() -> None:
    classifier = tiny_classifier()
    ExtremalPerturbation(areas=(0.1,), iterations=2, step=8, width=8.0).explain(
        classifier, torch.rand(1, 3, 64, 64), torch.tensor([0])
    )
    assert all(p.grad is None and not p.requires_grad for p in classifier.parameters())
    assert not any(m._forward_hooks for m in classifier.modules())


def test_the_defaults_are_those_of_the_paper() -> None:
    method = ExtremalPerturbation()
    assert (method.areas, method.iterations) == ((0.1,), 300)
    assert (method.learning_rate, method.momentum) == (0.01, 0.9)
    assert (method.for_pointing().areas, method.for_pointing().iterations) == ((0.025, 0.05, 0.1, 0.2), 800)
    assert (method.area_weight, method.area_growth) == (300, 1.0035)
    assert (method.step, method.width, method.sigma, method.levels) == (7, 21, 20, 8)
