"""The objectives against their equations in float64, on a classifier that is a formula."""

import pytest
import torch

from whyframe_training.losses import Objective, area, exclusive_logits, logit_margin, total_variation
from whyframe_training.presets import CONSTRAINED, MGNET

SIDE, CELLS = 16, 8


def random_batch(n: int = 3) -> tuple[torch.Tensor, ...]:
    noise = torch.Generator().manual_seed(0)
    images, background = (
        torch.rand(n, 3, SIDE, SIDE, generator=noise, dtype=torch.float64) for _ in range(2)
    )
    mask = torch.rand(n, CELLS, CELLS, generator=noise, dtype=torch.float64)
    return images, mask, background, torch.tensor([0, 2, 1])[:n]


def classify(images: torch.Tensor) -> torch.Tensor:
    """Means of the channels, stretched: three classes."""
    return 8 * images.mean((2, 3))


def perturbed_logits(share: torch.Tensor, images: torch.Tensor, background: torch.Tensor) -> torch.Tensor:
    kept = torch.nn.functional.interpolate(share[:, None], size=(SIDE, SIDE), mode="bilinear")
    return classify(kept * images + (1 - kept) * background)


def test_the_default_objective_is_eq_8() -> None:
    images, mask, background, target = random_batch()
    expected = -torch.log_softmax(perturbed_logits(mask, images, background), 1)[range(3), target].mean()
    loss = Objective().loss(classify, images, mask, background, target)
    torch.testing.assert_close(loss.double(), expected, atol=1e-6, rtol=1e-6)


def test_the_objective_with_all_weights_is_eq_2() -> None:
    images, mask, background, target = random_batch()
    preserved = -torch.log_softmax(perturbed_logits(mask, images, background), 1)[range(3), target].mean()
    complement = torch.softmax(perturbed_logits(1 - mask, images, background), 1)[range(3), target].mean()
    expected = preserved + complement + 8 * area(mask) + 0.005 * total_variation(mask)
    loss = CONSTRAINED.loss(classify, images, mask, background, target)
    torch.testing.assert_close(loss.double(), expected, atol=1e-5, rtol=1e-6)


def test_mgnets_terms_are_margins_on_logits() -> None:
    images, mask, background, target = random_batch()

    def margin(logits: torch.Tensor) -> torch.Tensor:
        rows = [row.tolist() for row in logits]
        return torch.tensor(
            [row[c] - max(row[:c] + row[c + 1 :]) for row, c in zip(rows, target.tolist(), strict=True)]
        )

    kept, rest = (
        margin(perturbed_logits(mask, images, background)),
        margin(perturbed_logits(1 - mask, images, background)),
    )
    expected = (
        0.3 * (1 - kept).clamp(min=0).mean()
        + (5 + rest).clamp(min=0).mean()
        + 8 * area(mask)
        + 0.005 * total_variation(mask)
    )
    loss = MGNET.loss(classify, images, mask, background, target)
    torch.testing.assert_close(loss.float(), expected.float(), atol=1e-5, rtol=1e-5)


def test_logit_margin_is_over_the_largest_other_logit() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.5]])
    assert logit_margin(logits, torch.tensor([0, 2])).tolist() == [1.0, -0.5]


def test_area_and_total_variation_in_closed_form() -> None:
    ones = torch.ones(2, 4, 4)
    assert float(area(ones)) == pytest.approx(1.0005**0.3)
    assert float(total_variation(ones)) == pytest.approx(0.3 * 16 / 2)  # flat: only the four edges of four
    step = torch.zeros(1, 4, 4)
    step[:, 1, 1] = 1.0
    assert float(total_variation(step)) == pytest.approx(4 / 2)  # an inner cell: four steps of 1


def test_a_term_of_weight_0_does_not_call_the_classifier() -> None:
    images, mask, background, target = random_batch()
    calls = []

    def counted(images: torch.Tensor) -> torch.Tensor:
        calls.append(len(images))
        return classify(images)

    Objective().loss(counted, images, mask, background, target)
    assert calls == [3]
    MGNET.loss(counted, images, mask, background, target)
    assert calls == [3, 3, 3]


@pytest.mark.parametrize("objective", [Objective(), CONSTRAINED, MGNET])
def test_gradients_reach_the_mask_and_stay_finite_at_its_ends(objective: Objective) -> None:
    images, mask, background, target = random_batch()
    mask[0], mask[1] = 0, 1
    mask.requires_grad_()
    objective.loss(classify, images, mask, background, target).backward()
    assert mask.grad is not None
    assert torch.isfinite(mask.grad).all()
    assert mask.grad[2].abs().sum() > 0


@pytest.mark.parametrize("objective", [Objective(), CONSTRAINED, MGNET])
def test_the_target_of_a_multi_label_classifier_is_a_class_and_its_absence(objective: Objective) -> None:
    """Binary cross-entropy of the label's logit; its sigmoid on the complement; margins of the logit itself."""
    images, mask, background, target = random_batch()
    kept = perturbed_logits(mask, images, background)[range(3), target] - 4
    rest = perturbed_logits(1 - mask, images, background)[range(3), target] - 4
    if objective.hinge:
        preserved, complement = torch.relu(1 - kept).mean(), torch.relu(5 + rest).mean()
    else:
        ones = torch.ones(3, dtype=torch.float64)
        preserved = torch.nn.functional.binary_cross_entropy_with_logits(kept, ones)
        complement = rest.sigmoid().mean()
    expected = objective.preserver * preserved + objective.background * complement
    expected = expected + objective.area * area(mask) + objective.smoothness * total_variation(mask)

    def labels(images: torch.Tensor) -> torch.Tensor:
        return classify(images) - 4

    loss = objective.loss(labels, images, mask, background, target, exclusive=False)
    torch.testing.assert_close(loss.double(), expected, atol=1e-5, rtol=1e-5)


def test_the_other_labels_of_a_multi_label_classifier_do_not_matter() -> None:
    logits, target = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 3])
    others = torch.where(torch.nn.functional.one_hot(target, 6).bool(), logits, logits + 3)
    for each in (logits, others):
        found, second = exclusive_logits(each, target, exclusive=False)
        torch.testing.assert_close(found.softmax(1)[:, 1], logits[range(4), target].sigmoid())
        torch.testing.assert_close(logit_margin(found, second), logits[range(4), target])
        assert second.tolist() == [1] * 4
    assert exclusive_logits(logits, target, exclusive=True)[0] is logits
