import pytest
import torch
from torch.nn import functional as F

from helpers import colour_network
from helpers.tiny_classifier import block_images
from helpers.tiny_classifier import classifier as tiny_classifier
from whyframe_evaluation.methods.feature_inversion import GuidedFeatureInversion
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import GaussianBlur


def test_the_mask_is_where_the_class_is() -> None:
    images, targets = colour_network.image().expand(3, -1, -1, -1), torch.arange(3)
    maps = GuidedFeatureInversion().explain(colour_network.classifier(), images, targets)
    assert maps.shape == (3, 64, 64)
    assert maps.amin((1, 2)).tolist() == [0, 0, 0]
    assert maps.amax((1, 2)).tolist() == pytest.approx([1, 1, 1])
    for target, importance in enumerate(maps):
        inside = [importance[colour_network.patch(colour)].mean() for colour in range(3)]
        assert inside.pop(target) > 0.7
        assert max(inside) < 0.1


@pytest.mark.parametrize(("first", "second"), [(4, 0), (0, 4), (3, 6)])
def test_both_stages_and_adam_by_hand(first: int, second: int) -> None:
    classifier, images, targets = (
        tiny_classifier(head_gain=3).double(),
        block_images(2).double(),
        torch.tensor([1, 3]),
    )
    method = GuidedFeatureInversion(inversion_steps=first, class_steps=second, halving=4)
    maps = method.explain(classifier, images, targets)
    for image, target, importance in zip(images, targets, maps, strict=True):
        expected = by_hand(classifier, image[None], int(target), first, second)
        torch.testing.assert_close(importance, expected.float(), atol=1e-5, rtol=0)


def by_hand(
    classifier: Classifier, image: torch.Tensor, target: int, first: int, second: int
) -> torch.Tensor:
    background = GaussianBlur(64, sigma=10.0).double()(image)
    *_, coarse, last = classifier(image).stages
    channels = coarse[0].clamp(min=0)
    w = torch.full((len(channels),), 0.1, dtype=torch.float64, requires_grad=True)
    m1, m2 = torch.zeros_like(w), torch.zeros_like(w)

    def mask(w: torch.Tensor) -> torch.Tensor:
        small = torch.einsum("k,khw->hw", w, channels)
        large = F.interpolate(small[None, None], size=(64, 64), mode="bilinear", align_corners=False)
        return (large - large.min()) / (large.max() - large.min())

    def probability(m: torch.Tensor) -> torch.Tensor:
        return classifier.logits(m * image + (1 - m) * background).softmax(1)[0, target]

    for t in range(1, first + second + 1):
        m = mask(w)
        if t <= first:
            features = classifier(m * image + (1 - m) * background).stages[-1]
            loss = ((features - last) ** 2).sum() / (last**2).sum() + 5 * (w**2).sum()
        else:
            loss = probability(1 - m) - probability(m) + 2 * (w**2).sum()
        (gradient,) = torch.autograd.grad(loss, w)
        m1, m2 = 0.9 * m1 + 0.1 * gradient, 0.999 * m2 + 0.001 * gradient**2
        step = m1 / (1 - 0.9**t) / ((m2 / (1 - 0.999**t)).sqrt() + 1e-8)
        w = (w - 0.01 * 0.5 ** ((t - 1) // 4) * step).detach().clamp(min=0).requires_grad_()
    return mask(w)[0, 0].detach()


def test_a_map_does_not_depend_on_its_batch() -> None:
    classifier, images, targets = tiny_classifier(head_gain=3), block_images(3), torch.tensor([0, 4, 2])
    method = GuidedFeatureInversion()
    together = method.explain(classifier, images, targets)
    alone = [method.explain(classifier, x[None], t[None]) for x, t in zip(images, targets, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-3, rtol=0)
    assert torch.equal(together, method.explain(classifier, images, targets)), "the same again"


def test_an_image_without_features_gets_a_flat_map() -> None:
    grey = torch.full((1, 3, 64, 64), 0.5)
    maps = GuidedFeatureInversion().explain(colour_network.classifier(), grey, torch.tensor([0]))
    assert torch.equal(maps, torch.zeros_like(maps))


def test_the_classifier_is_left_alone() -> None:
    classifier = tiny_classifier(head_gain=3)
    GuidedFeatureInversion().explain(classifier, block_images(1), torch.tensor([0]))
    assert all(p.grad is None and not p.requires_grad for p in classifier.parameters())
    assert not any(m._forward_hooks for m in classifier.modules())


def test_progress_counts_both_stages() -> None:
    steps: list[tuple[int, int]] = []
    method = GuidedFeatureInversion(inversion_steps=2, class_steps=3)
    method.explain(
        tiny_classifier(head_gain=3),
        block_images(1),
        torch.tensor([0]),
        lambda done, total: steps.append((done, total)),
    )
    assert steps == [(i, 5) for i in range(1, 6)]
