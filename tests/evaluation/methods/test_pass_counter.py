import pytest
import torch

from helpers.tiny_network import CLASSES, SIDE, build
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
    return Classifier(build(), name="tiny", labels=[str(i) for i in range(CLASSES)], side=SIDE)


@pytest.mark.parametrize(("method", "forward", "backward"), COSTS, ids=lambda p: getattr(p, "name", None))
def test_passes_are_those_of_the_method_whatever_the_batch(method, forward, backward, tiny) -> None:
    images = torch.rand(2, 3, SIDE, SIDE)
    for count in (1, 2):
        with count_passes(tiny) as passes:
            method.explain(tiny, images[:count], torch.tensor([1, 2])[:count])
        assert (passes.forward, passes.backward) == (forward * count, backward * count)


def test_a_cam_costs_one_pass_once_its_weights_are_found(tiny) -> None:
    method, images, targets = cam.Cam(), torch.rand(1, 3, SIDE, SIDE), torch.tensor([0])
    method.explain(tiny, images, targets)
    with count_passes(tiny) as passes:
        method.explain(tiny, images, targets)
    assert (passes.forward, passes.backward) == (1, 0)


def test_counting_ends_with_the_block_whatever_happens(tiny) -> None:
    images = torch.rand(1, 3, SIDE, SIDE)
    with pytest.raises(ZeroDivisionError), count_passes(tiny) as passes:
        tiny.logits(images)
        raise ZeroDivisionError
    tiny.logits(images)
    assert passes.forward == 1
    assert not tiny.module._forward_hooks


def test_backward_passes_are_counted_each_time(tiny) -> None:
    images = torch.rand(3, 3, SIDE, SIDE, requires_grad=True)
    with count_passes(tiny) as passes:
        score = tiny.logits(images).sum()
        for _ in range(2):
            torch.autograd.grad(score, images, retain_graph=True)
    assert (passes.forward, passes.backward) == (3, 6)
