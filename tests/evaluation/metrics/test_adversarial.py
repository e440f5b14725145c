import pytest
import torch
from torch import Tensor

from helpers.tiny_network import CLASSES, SIDE, build
from whyframe_evaluation.metrics.adversarial import (
    EPSILON,
    STEP,
    attack_steps,
    iterative_attack,
    label_recovery,
)
from whyframe_training.classifiers.classifier import Classifier


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(build(), name="tiny", labels=[str(i) for i in range(CLASSES)], side=SIDE)


def pictures(n: int) -> Tensor:
    return torch.rand(n, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def linear(images: Tensor) -> Tensor:
    """Two classes that differ by the light on the left and on the right."""
    width = images.shape[-1] // 2
    left, right = images[..., :width].mean((1, 2, 3)), images[..., width:].mean((1, 2, 3))
    return 40 * torch.stack([left, right], dim=1)


def test_the_steps_are_kurakins() -> None:
    assert attack_steps() == 10
    assert attack_steps(epsilon=4 * STEP) == 5
    assert attack_steps(epsilon=40 * STEP) == 44


def test_a_linear_classifier_is_attacked_in_closed_form() -> None:
    images = torch.full((1, 3, 4, 4), 0.5)
    images[..., 3] = 0.999
    seen = iterative_attack(linear, images, torch.tensor([0]))
    torch.testing.assert_close(seen[..., :2], torch.full((1, 3, 4, 2), 0.5 - EPSILON))
    torch.testing.assert_close(seen[..., 2], torch.full((1, 3, 4), 0.5 + EPSILON))
    assert (seen[..., 3] == 1).all()  # a picture stays a picture


def test_one_step_of_epsilon_is_the_fast_gradient_sign() -> None:
    seen = iterative_attack(linear, torch.full((1, 3, 4, 4), 0.5), torch.tensor([1]), step=EPSILON, steps=1)
    torch.testing.assert_close(seen[0, 0, 0] - 0.5, torch.tensor([1, 1, -1, -1]) * EPSILON)


def test_it_fools_a_network_and_leaves_it_as_it_was(classifier: Classifier) -> None:
    images = pictures(6)
    labels = classifier.logits(images).argmax(dim=1)
    seen = iterative_attack(classifier.logits, images, labels)
    assert (seen - images).abs().max() <= EPSILON + 1e-6
    assert seen.min() >= 0
    assert seen.max() <= 1
    before = classifier.logits(images).softmax(1).gather(1, labels[:, None])
    after = classifier.logits(seen).softmax(1).gather(1, labels[:, None])
    assert (after < before).all()
    assert not seen.requires_grad
    assert all(p.grad is None and not p.requires_grad for p in classifier.parameters())


def test_a_picture_is_attacked_the_same_alone_and_among_others(classifier: Classifier) -> None:
    images, labels = pictures(3).double(), torch.tensor([0, 1, 2])
    network = classifier.double()
    together = iterative_attack(network.logits, images, labels)
    alone = [iterative_attack(network.logits, images[i : i + 1], labels[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))
    classifier.float()


def test_recovery_counts_what_came_back() -> None:
    # Light on the right was added to a picture of light on the left; the mask takes the right away.
    fooled = torch.zeros(4, 3, 8, 8)
    fooled[..., :4], fooled[..., 4:] = 0.6, 0.9
    mask = torch.ones(4, 8, 8)
    mask[:3, :, 4:] = 0  # the last mask does nothing
    result = label_recovery(
        linear, fooled, mask, torch.zeros_like(fooled), torch.tensor([0, 0, 1, 0]), torch.tensor([0, 1, 1, 1])
    )
    assert (result.clean, result.truth, result.count) == (50, 50, 4)
    assert result.clean_in_top5 == 100  # of two classes


def test_the_sixth_class_is_not_among_the_first_five() -> None:
    def ordered(images: Tensor) -> Tensor:
        return -torch.arange(7.0).expand(len(images), 7)

    images = torch.zeros(2, 3, 4, 4)
    clean = torch.tensor([4, 5])
    result = label_recovery(ordered, images, torch.ones(2, 4, 4), images, clean, clean)
    assert (result.clean, result.clean_in_top5) == (0, 50)
