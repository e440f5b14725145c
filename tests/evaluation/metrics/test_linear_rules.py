import pytest
import torch
from torch import Tensor

from whyframe_evaluation.metrics.linear_rules import first_order, gradient, mask_gradient, rule_error

GENERATOR = torch.Generator().manual_seed(0)
WEIGHT = torch.randn(3, 4, 4, generator=GENERATOR, dtype=torch.float64)
IMAGES = torch.rand(5, 3, 4, 4, generator=GENERATOR, dtype=torch.float64)


def linear(images: Tensor) -> Tensor:
    return (images * WEIGHT).flatten(1).sum(dim=1) + 2


def quadratic(images: Tensor) -> Tensor:
    return images.square().flatten(1).sum(dim=1)


def test_the_gradient_of_a_linear_classifier_says_nothing_of_the_image() -> None:
    for image in IMAGES:
        torch.testing.assert_close(gradient(linear, image), WEIGHT)


def test_deleting_by_a_mask_does_large_where_image_and_weight_are() -> None:
    for image in IMAGES:
        torch.testing.assert_close(mask_gradient(linear, image), WEIGHT * image)
        torch.testing.assert_close(mask_gradient(quadratic, image), 2 * image.square())


def test_the_first_order_rule_is_exact_for_a_linear_classifier_however_far() -> None:
    rule = first_order(linear, IMAGES[0])
    assert rule_error(rule, linear, 100 * IMAGES) == pytest.approx(0, abs=1e-9)


def test_its_error_for_a_quadratic_one_is_the_squared_distance() -> None:
    rule = first_order(quadratic, IMAGES[0])
    for distance in (0.1, 0.2):
        near = IMAGES[:1] + distance
        assert rule_error(rule, quadratic, near) == pytest.approx(48 * distance**2)


def test_no_gradient_is_left() -> None:
    image = IMAGES[0].clone()
    with torch.no_grad():
        gradient(quadratic, image)
        mask_gradient(quadratic, image)
    assert image.grad is None
    assert not first_order(quadratic, image)(IMAGES).requires_grad
