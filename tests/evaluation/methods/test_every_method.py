"""The promises of `Method.explain`, for every method that explains any network."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers import tiny_network
from helpers.tiny_classifier import LABELS
from helpers.tiny_classifier import classifier as tiny_classifier
from helpers.tiny_network import CLASSES, SIDE
from whyframe.input_spec import InputSpec
from whyframe_evaluation.methods import (
    cam,
    excitation_backprop,
    gradients,
    guided_backprop,
    lrp,
    occlusion,
    rise,
)
from whyframe_evaluation.methods.extremal_perturbation import ExtremalPerturbation
from whyframe_evaluation.methods.feature_inversion import GuidedFeatureInversion
from whyframe_evaluation.methods.meaningful_perturbation import MeaningfulDeletion
from whyframe_training.classifiers.classifier import Classifier, ClassifierSpec, build_classifier

FEW_PASSES = [
    cam.Cam(),
    cam.GradCam(),
    cam.GradCamPlusPlus(),
    gradients.VanillaGradient(),
    gradients.GradientTimesInput(),
    guided_backprop.GuidedBackprop(),
    excitation_backprop.ExcitationBackprop(),
    excitation_backprop.ContrastiveExcitationBackprop(),
    lrp.LrpEpsilon(),
    lrp.LrpAlphaBeta(),
]
MANY_PASSES = [
    gradients.SmoothGrad(samples=5),
    gradients.IntegratedGradients(steps=7),
    occlusion.Occlusion(patch=20, stride=16),
    occlusion.BlurOcclusion(stride=16),
    occlusion.VariableBlurOcclusion(stride=16),
    rise.Rise(samples=40),
]
METHODS = [*FEW_PASSES, *MANY_PASSES]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)


@pytest.fixture(scope="module")
def tiny() -> Classifier:
    return tiny_classifier()


def random_inputs(count: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, SIDE, SIDE, generator=generator), torch.tensor([4, 0, 2])[:count]


@every_method
def test_a_map_depends_neither_on_other_images_nor_on_earlier_calls(method, tiny) -> None:
    images, targets = random_inputs()
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
def test_the_classifier_and_the_images_are_unchanged(method, tiny) -> None:
    images, targets = random_inputs(2)
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
def test_the_map_depends_on_the_target(method, tiny) -> None:
    images, targets = random_inputs(2)
    other = method.explain(tiny, images, (targets + 1) % CLASSES)
    assert not torch.allclose(method.explain(tiny, images, targets), other)


@pytest.mark.parametrize("method", MANY_PASSES, ids=lambda m: m.name)
def test_methods_of_many_steps_report_their_progress_to_the_end(method, tiny) -> None:
    reported: list[tuple[int, int]] = []
    method.explain(tiny, *random_inputs(2), lambda done, total: reported.append((done, total)))
    assert reported[-1][0] == reported[-1][1]
    assert [done for done, _ in reported] == sorted(done for done, _ in reported)


class TwoStyles(nn.Module):
    """A network written in two ways: with functions that return new tensors, or with shared ones that work in place."""

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
def test_the_map_does_not_depend_on_how_relus_are_written(method) -> None:
    plain, in_place = (
        Classifier(
            TwoStyles(p),
            name="two-styles",
            labels=LABELS,
            input=InputSpec.square(SIDE),
            taps=("same.1", "same.2", "same.3", "last"),  # stages that both have
        )
        for p in (False, True)
    )
    images, targets = random_inputs(2)
    expected = method.explain(plain, images, targets)
    if isinstance(method, cam.GradCam | excitation_backprop.ExcitationBackprop):
        # Later functions overwrite the stage that these methods read.
        assert method.explain(in_place, images, targets).isfinite().all()
    else:
        torch.testing.assert_close(method.explain(in_place, images, targets), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet50", "vgg19", "googlenet"])
def test_the_papers_networks_are_explained(name) -> None:
    classifier = build_classifier(ClassifierSpec(name, weights="random"))
    images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    few = [
        gradients.SmoothGrad(samples=2),
        gradients.IntegratedGradients(steps=2),
        occlusion.Occlusion(112, 112),
        occlusion.BlurOcclusion(stride=112),
        rise.Rise(samples=3),
    ]
    for method in FEW_PASSES + few:
        if not (name == "vgg19" and isinstance(method, cam.Cam)):  # VGG19 has no class activation map
            assert method.explain(classifier, images, torch.tensor([7])).isfinite().all(), method.name


@pytest.mark.parametrize("color", ["bgr", "grey", "rgba"])
@pytest.mark.parametrize(
    "method",
    [
        *METHODS,
        MeaningfulDeletion(iterations=2),
        ExtremalPerturbation(iterations=2),
        GuidedFeatureInversion(inversion_steps=1, class_steps=1),
    ],
    ids=lambda m: m.name,
)
def test_a_map_of_an_input_that_is_not_square_has_the_aspect_of_the_input(method, color) -> None:
    channels = {"grey": 1, "rgba": 4}.get(color, 3)
    numbers = {"mean": (0.5,) * channels, "std": (0.25,) * channels}
    spec = InputSpec(height=SIDE, width=SIDE + 32, channels=channels, color=color, **numbers)
    network = Classifier(tiny_network.build(channels), name="tiny", labels=LABELS, input=spec)
    images = torch.rand(1, channels, SIDE, SIDE + 32, generator=torch.Generator().manual_seed(1))
    (scores,) = method.explain(network, images, torch.tensor([1]))
    assert scores.isfinite().all()
    assert scores.shape[1] / scores.shape[0] == (SIDE + 32) / SIDE
