import pytest
import torch
from torch import Tensor

from helpers.tiny_network import CLASSES, SIDE, build
from whyframe.input_spec import InputSpec
from whyframe_evaluation.metrics.adversarial import (
    EPSILON,
    STEP,
    STEPS,
    iterative_attack,
    label_recovery,
)
from whyframe_training.classifiers.classifier import Classifier


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(
        build(), name="tiny", labels=[str(i) for i in range(CLASSES)], input=InputSpec.square(SIDE)
    )


def random_images(n: int) -> Tensor:
    return torch.rand(n, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def linear(images: Tensor) -> Tensor:
    """Score two classes by the light on the left and on the right."""
    width = images.shape[-1] // 2
    left, right = images[..., :width].mean((1, 2, 3)), images[..., width:].mean((1, 2, 3))
    return 40 * torch.stack([left, right], dim=1)


def test_the_attack_of_a_multi_label_classifier_lowers_its_label_whatever_the_others_are() -> None:
    """The softmax of the labels does not change with the light, so an attack of it would not move."""

    def both(images: Tensor) -> Tensor:
        return 4 * images.mean((1, 2, 3))[:, None].expand(-1, 2)

    images = torch.full((1, 3, 4, 4), 0.5)
    adversarial = iterative_attack(both, images, torch.tensor([0]), exclusive=False)
    torch.testing.assert_close(adversarial, torch.full_like(images, 0.5 - EPSILON))


def test_the_number_of_steps_is_that_of_kurakin() -> None:
    levels = EPSILON / STEP
    assert min(levels + 4, 1.25 * levels) == STEPS


def test_the_attack_of_a_linear_classifier_reaches_epsilon_or_the_border() -> None:
    images = torch.full((1, 3, 4, 4), 0.5)
    images[..., 3] = 0.999
    adversarial = iterative_attack(linear, images, torch.tensor([0]))
    torch.testing.assert_close(adversarial[..., :2], torch.full((1, 3, 4, 2), 0.5 - EPSILON))
    torch.testing.assert_close(adversarial[..., 2], torch.full((1, 3, 4), 0.5 + EPSILON))
    assert (adversarial[..., 3] == 1).all()  # values stay in [0, 1]


def test_the_attack_lowers_the_probability_and_leaves_the_network_unchanged(classifier: Classifier) -> None:
    images = random_images(6)
    labels = classifier.logits(images).argmax(dim=1)
    adversarial = iterative_attack(classifier.logits, images, labels)
    assert (adversarial - images).abs().max() <= EPSILON + 1e-6
    assert adversarial.min() >= 0
    assert adversarial.max() <= 1
    before = classifier.logits(images).softmax(1).gather(1, labels[:, None])
    after = classifier.logits(adversarial).softmax(1).gather(1, labels[:, None])
    assert (after < before).all()
    assert not adversarial.requires_grad
    assert all(p.grad is None and not p.requires_grad for p in classifier.parameters())


def test_an_image_is_attacked_in_the_same_way_alone_and_in_a_batch(classifier: Classifier) -> None:
    images, labels = random_images(3).double(), torch.tensor([0, 1, 2])
    network = classifier.double()
    together = iterative_attack(network.logits, images, labels)
    alone = [iterative_attack(network.logits, images[i : i + 1], labels[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))
    classifier.float()


def test_recovery_is_the_share_of_images_whose_clean_class_is_back() -> None:
    # Light was added on the right of images with light on the left; the mask removes the right.
    adversarial = torch.zeros(4, 3, 8, 8)
    adversarial[..., :4], adversarial[..., 4:] = 0.6, 0.9
    mask = torch.ones(4, 8, 8)
    mask[:3, :, 4:] = 0  # the last mask deletes nothing
    clean = torch.tensor([0, 0, 1, 0])
    result = label_recovery(linear, adversarial, mask, torch.zeros_like(adversarial), clean)
    assert result.top1 == 50
    assert result.top5 == 100  # there are only two classes


def test_the_sixth_class_is_not_among_the_first_five() -> None:
    def ordered(images: Tensor) -> Tensor:
        return -torch.arange(7.0).expand(len(images), 7)

    images = torch.zeros(2, 3, 4, 4)
    result = label_recovery(ordered, images, torch.ones(2, 4, 4), images, torch.tensor([4, 5]))
    assert (result.top1, result.top5) == (0, 50)
