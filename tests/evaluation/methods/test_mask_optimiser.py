import pytest
import torch

from whyframe_evaluation.methods.mask_optimiser import blend, blurred, descend, stretch, total_variation
from whyframe_training.perturb import GaussianBlur, perturb


def flat(*values: float) -> torch.Tensor:
    """Return L x 1 x 3 x 2 x 2 levels, each of a constant value."""
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1, 1).expand(-1, 1, 3, 2, 2)


def test_two_levels_are_eq_1() -> None:
    generator = torch.Generator().manual_seed(0)
    background, image = torch.rand(2, 4, 3, 8, 8, generator=generator)
    mask = torch.rand(4, 1, 8, 8, generator=generator)
    blended = blend(torch.stack([background, image]), mask)
    torch.testing.assert_close(blended, perturb(image, mask, background))


def test_more_levels_are_interpolated_between_neighbours() -> None:
    mask = torch.tensor([[[[0.0, 0.25], [0.75, 1.0]]]])
    blended = blend(flat(0, 10, 40), mask)
    torch.testing.assert_close(blended[0, 0], torch.tensor([[0.0, 5.0], [25.0, 40.0]]))


@pytest.mark.parametrize(("score", "slope"), [(0.0, 20.0), (0.5, 60.0), (1.0, 60.0)])
def test_every_score_has_a_gradient(score: float, slope: float) -> None:
    mask = torch.full((1, 1, 2, 2), score, requires_grad=True)
    blend(flat(0, 10, 40), mask)[:, :1].sum().backward()
    torch.testing.assert_close(mask.grad, torch.full_like(mask, slope).detach())


def test_levels_of_blur_end_with_the_image() -> None:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    levels = blurred(images, (4.0, 2.0, 0.0))
    assert levels.shape == (3, 2, 3, 32, 32)
    assert torch.equal(levels[2], images)
    torch.testing.assert_close(levels[1], GaussianBlur(32, sigma=2.0)(images))


def test_total_variation_by_hand() -> None:
    mask = torch.tensor([[[[0.0, 3.0], [4.0, 0.0]]]])  # gradients (4, 3), (-3, 0), (0, -4), (0, 0)
    assert total_variation(mask, 1.0).item() == pytest.approx(5 + 3 + 4)
    assert total_variation(mask, 3.0).item() == pytest.approx(125 + 27 + 64)
    assert total_variation(torch.ones(2, 1, 5, 5), 3.0).tolist() == pytest.approx([0, 0])


def test_a_flat_mask_has_a_finite_gradient_at_any_power() -> None:
    mask = torch.ones(1, 1, 4, 4, requires_grad=True)
    total_variation(mask, 1.0).sum().backward()
    assert torch.equal(mask.grad, torch.zeros_like(mask))


def test_stretching_uses_each_maps_own_range() -> None:
    maps = torch.tensor([[1.0, 2, 3, 5], [0, -10, 10, 0], [7, 7, 7, 7]]).view(3, 1, 2, 2)
    expected = torch.tensor([[0, 0.25, 0.5, 1], [0.5, 0, 1, 0.5], [0, 0, 0, 0]]).view(3, 1, 2, 2)
    torch.testing.assert_close(stretch(maps), expected)


def test_descent_of_a_batch_is_the_descent_of_each() -> None:
    goals = torch.tensor([[0.2], [5.0], [-3.0]])

    def solve(goal: torch.Tensor) -> tuple[torch.Tensor, list[tuple[int, int]]]:
        point, reported = torch.zeros_like(goal).requires_grad_(), []
        adam = torch.optim.Adam([point], lr=0.1)
        descend(
            point,
            adam,
            lambda _: (point - goal).square().sum(1),
            200,
            lambda p: p.clamp_(0, 1),
            lambda done, total: reported.append((done, total)),
        )
        return point.detach(), reported

    together, reported = solve(goals)
    assert torch.equal(together, torch.cat([solve(goal[None])[0] for goal in goals]))
    torch.testing.assert_close(together, torch.tensor([[0.2], [1.0], [0.0]]), atol=1e-3, rtol=0)
    assert reported[0] == (1, 200)
    assert reported[-1] == (200, 200)
