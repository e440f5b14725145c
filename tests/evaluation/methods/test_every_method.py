"""What holds for every method that takes any network: the interface's promises."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.tiny_network import CLASSES, SIDE, build
from whyframe_evaluation.methods import (
    cam,
    excitation_backprop,
    gradients,
    guided_backprop,
    lrp,
    occlusion,
    rise,
)
from whyframe_training.classifiers.classifier import Classifier, ClassifierSpec, build_classifier

METHODS = [
    cam.Cam(),
    cam.GradCam(),
    cam.GradCamPlusPlus(),
    gradients.VanillaGradient(),
    gradients.GradientTimesInput(),
    gradients.SmoothGrad(samples=5),
    gradients.IntegratedGradients(steps=7),
    guided_backprop.GuidedBackprop(),
    excitation_backprop.ExcitationBackprop(),
    excitation_backprop.ContrastiveExcitationBackprop(),
    lrp.LrpEpsilon(),
    lrp.LrpAlphaBeta(),
    occlusion.Occlusion(patch=20, stride=16),
    occlusion.BlurOcclusion(stride=16),
    occlusion.VariableBlurOcclusion(stride=16),
    rise.Rise(samples=40),
]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
LABELS = [str(i) for i in range(CLASSES)]


@pytest.fixture(scope="module")
def tiny() -> Classifier:
    return Classifier(build(), name="tiny", labels=LABELS, side=SIDE)


def pictures(count: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, SIDE, SIDE, generator=drawn), torch.tensor([4, 0, 2])[:count]


@every_method
def test_a_map_is_the_same_alone_among_others_and_again(method, tiny) -> None:
    images, targets = pictures()
    together = method.explain(tiny, images, targets)
    assert together.dtype == torch.float32
    assert together.shape[0] == 3
    assert together.ndim == 3
    assert together.isfinite().all()
    assert (together.amax((1, 2)) > together.amin((1, 2))).all()
    assert torch.equal(together, method.explain(tiny, images, targets))
    alone = torch.cat([method.explain(tiny, images[i : i + 1], targets[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4 * float(together.abs().max()))


@every_method
def test_the_classifier_and_the_pictures_are_left_as_they_were(method, tiny) -> None:
    images, targets = pictures(2)
    modes = [m.training for m in tiny.modules()]
    kept, state = images.clone(), {k: v.clone() for k, v in tiny.state_dict().items()}
    with torch.no_grad():
        result = method.explain(tiny, images, targets)
        assert not torch.is_grad_enabled()
    assert not result.requires_grad
    assert torch.equal(images, kept)
    assert not images.requires_grad
    assert images.grad is None
    assert all(torch.equal(state[k], v) for k, v in tiny.state_dict().items())
    assert all(p.grad is None and not p.requires_grad for p in tiny.parameters())
    assert [m.training for m in tiny.modules()] == modes
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in tiny.modules())
    assert not any(m._backward_hooks for m in tiny.modules())


@every_method
def test_the_target_decides(method, tiny) -> None:
    images, targets = pictures(2)
    other = method.explain(tiny, images, (targets + 1) % CLASSES)
    assert not torch.allclose(method.explain(tiny, images, targets), other)


@pytest.mark.parametrize("method", METHODS[5:7] + METHODS[12:], ids=lambda m: m.name)
def test_long_methods_tell_their_progress_to_the_end(method, tiny) -> None:
    told: list[tuple[int, int]] = []
    method.explain(tiny, *pictures(2), lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


class Hostile(nn.Module):
    """The same network in two dialects: modules out of place, or shared and functional ones in place."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        torch.manual_seed(3)
        widths = (3, 6, 6, 8, 8)
        self.in_place, self.shared = in_place, nn.ReLU6(inplace=in_place)
        self.steps = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.same = nn.ModuleList(nn.Conv2d(b, b, 3, padding=1) for b in widths[1:])
        self.last, self.fc = nn.Conv2d(8, 10, 3, stride=2, padding=1), nn.Linear(10, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for step, same in zip(self.steps, self.same, strict=True):
            x = self.shared(step(x)) if self.in_place else F.relu6(step(x))
            residual = same(x)
            if self.in_place:
                residual += x
                x = F.relu_(residual)
            else:
                x = torch.relu(residual + x)
        x = F.relu(self.last(x), inplace=self.in_place)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


@pytest.mark.parametrize("method", METHODS[1:], ids=lambda m: m.name)
def test_in_place_shared_and_functional_rectifiers_change_nothing(method) -> None:
    plain, hostile = (Classifier(Hostile(p), name="hostile", labels=LABELS, side=SIDE) for p in (False, True))
    hostile.taps = plain.taps = ("same.1", "same.2", "same.3", "last")  # stages that both have
    images, targets = pictures(2)
    expected = method.explain(plain, images, targets)
    if isinstance(method, cam.GradCam | excitation_backprop.ExcitationBackprop):
        assert (
            method.explain(hostile, images, targets).isfinite().all()
        )  # their stage is what was overwritten
    else:
        torch.testing.assert_close(method.explain(hostile, images, targets), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet50", "vgg19", "googlenet"])
def test_the_papers_networks_are_explained(name) -> None:
    classifier = build_classifier(ClassifierSpec(name, weights="random"))
    images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    few = [occlusion.Occlusion(112, 112), occlusion.BlurOcclusion(stride=112), rise.Rise(samples=3)]
    for method in METHODS[name == "vgg19" : 12] + few:
        assert method.explain(classifier, images, torch.tensor([7])).isfinite().all(), method.name
