import pytest
import torch

from helpers.tiny_classifier import classifier as tiny_classifier
from helpers.tiny_network import SIDE
from whyframe_evaluation.methods import cam, excitation_backprop, gradients, lrp, occlusion, rise
from whyframe_evaluation.methods.pass_counter import count_passes
from whyframe_training.classifiers.classifier import Classifier

COSTS = [
    (gradients.VanillaGradient(), 1, 1),
    (cam.GradCam(), 1, 1),
    (gradients.SmoothGrad(samples=5), 5, 5),
    (gradients.IntegratedGradients(steps=40), 40, 40),
    (excitation_backprop.ContrastiveExcitationBackprop(), 2, 2),
    (lrp.LrpEpsilon(), 1, 1),
    (occlusion.Occlusion(patch=20, stride=20), 17, 0),
    (occlusion.BlurOcclusion(stride=32), 5, 0),
    (rise.Rise(samples=40), 40, 0),
]


@pytest.fixture(scope="module")
def tiny() -> Classifier:
    return tiny_classifier()


@pytest.mark.parametrize(("method", "forward", "backward"), COSTS, ids=lambda p: getattr(p, "name", None))
def test_the_passes_per_image_are_those_of_the_method_for_any_batch(method, forward, backward, tiny) -> None:
    images = torch.rand(2, 3, SIDE, SIDE)
    for count in (1, 2):
        with count_passes(tiny) as passes:
            method.explain(tiny, images[:count], torch.tensor([1, 2])[:count])
        assert (passes.forward, passes.backward) == (forward * count, backward * count)


def test_a_cam_costs_one_pass_after_the_first_map(tiny) -> None:
    method, images, targets = cam.Cam(), torch.rand(1, 3, SIDE, SIDE), torch.tensor([0])
    method.explain(tiny, images, targets)
    with count_passes(tiny) as passes:
        method.explain(tiny, images, targets)
    assert (passes.forward, passes.backward) == (1, 0)


def test_counting_ends_with_the_block_even_after_an_error(tiny) -> None:
    images = torch.rand(1, 3, SIDE, SIDE)
    with pytest.raises(ZeroDivisionError), count_passes(tiny) as passes:
        tiny.logits(images)
        raise ZeroDivisionError
    tiny.logits(images)
    assert passes.forward == 1
    assert not tiny.module._forward_hooks  # PyTorch has no public list of hooks


def test_each_backward_pass_is_counted(tiny) -> None:
    images = torch.rand(3, 3, SIDE, SIDE, requires_grad=True)
    with count_passes(tiny) as passes:
        score = tiny.logits(images).sum()
        for _ in range(2):
            torch.autograd.grad(score, images, retain_graph=True)
    assert (passes.forward, passes.backward) == (3, 6)
