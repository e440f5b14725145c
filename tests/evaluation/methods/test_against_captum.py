"""The maps are those of captum wherever captum can compute them.

The methods themselves do not use captum. Its plain gradients, Grad-CAM, integrated gradients and occlusion give the
same maps at the same number of passes, but calling it saves no code: it warns about inputs without gradients, reports
no progress, and rounds alike only for a single image at a time. The rest differs, as each test explains.
"""

import pytest
import torch
from torch import nn

from helpers.bare_classifier import BareClassifier
from helpers.tiny_classifier import classifier as tiny_classifier
from whyframe.input_spec import InputSpec
from whyframe_evaluation.methods.cam import GradCam
from whyframe_evaluation.methods.gradients import (
    GradientTimesInput,
    IntegratedGradients,
    SmoothGrad,
    VanillaGradient,
)
from whyframe_evaluation.methods.guided_backprop import GuidedBackprop
from whyframe_evaluation.methods.lrp import LrpEpsilon
from whyframe_evaluation.methods.occlusion import Occlusion
from whyframe_evaluation.methods.pass_counter import count_passes
from whyframe_training.classifiers.classifier import Classifier, ClassifierSpec, build_classifier

captum = pytest.importorskip("captum.attr")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:captum")

TARGETS = torch.tensor([3, 1])


@pytest.fixture(scope="module", params=["tiny", "efficientnet_lite0"])
def classifier(request: pytest.FixtureRequest) -> Classifier:
    if request.param == "tiny":
        return tiny_classifier()
    return build_classifier(ClassifierSpec("efficientnet_lite0"))


def images(classifier: Classifier, count: int = 2) -> torch.Tensor:
    shape = (count, 3, classifier.side, classifier.side)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def assert_same(method, classifier, explain, count: int = 2) -> None:
    """Assert that a method and a function on captum give the same maps at the same number of passes."""
    x, targets = images(classifier, count), TARGETS[:count]
    with count_passes(classifier) as ours:
        maps = method.explain(classifier, x, targets)
    with count_passes(classifier) as theirs:
        expected = explain(x.clone().requires_grad_(), targets).detach()
    assert ours == theirs
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_the_gradient_is_that_of_saliency(classifier) -> None:
    saliency = captum.Saliency(classifier.logits)
    assert_same(VanillaGradient(), classifier, lambda x, targets: saliency.attribute(x, targets).amax(1))


def test_gradient_times_input_is_that_of_input_x_gradient(classifier) -> None:
    method = captum.InputXGradient(classifier.module)
    assert_same(
        GradientTimesInput(),
        classifier,
        lambda x, targets: method.attribute(classifier.normalise(x), targets).sum(1),
    )


def test_integrated_gradients_are_those_of_the_midpoint_rule(classifier) -> None:
    """One image, because captum puts the steps of all images in one batch, which changes the rounding."""
    method = captum.IntegratedGradients(classifier.logits)
    assert_same(
        IntegratedGradients(steps=8),
        classifier,
        lambda x, targets: method.attribute(x, 0, targets, n_steps=8, method="riemann_middle").sum(1),
        count=1,
    )


def test_smooth_grad_is_that_of_a_noise_tunnel_with_the_same_noise(classifier) -> None:
    """captum draws from the global generator, so that its noise depends on the batch and on earlier calls."""
    tunnel = captum.NoiseTunnel(captum.Saliency(classifier.logits))

    def explain(x: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        sigma = 0.2 * (x.max() - x.min()).item()
        return tunnel.attribute(x, nt_samples=4, stdevs=sigma, target=targets, abs=False).abs().amax(1)

    assert_same(SmoothGrad(samples=4, seed=0), classifier, explain, count=1)


def test_grad_cam_is_that_of_the_last_stage(classifier) -> None:
    """captum's differs where a later operation overwrites the features in place."""
    method = captum.LayerGradCam(classifier.module, classifier.module.get_submodule(classifier.taps[-1].name))
    assert_same(
        GradCam(),
        classifier,
        lambda x, targets: method.attribute(classifier.normalise(x), targets, relu_attributions=True)[:, 0],
    )


def test_occlusion_is_that_of_grey_squares(classifier) -> None:
    patch, stride = classifier.side // 2 + 3, classifier.side // 3

    def probability(x: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return classifier.logits(x).softmax(1).gather(1, targets[:, None])[:, 0]

    def explain(x: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        grey = classifier.mean.expand_as(x[:1])
        with torch.no_grad():
            return captum.Occlusion(probability).attribute(
                x, (3, patch, patch), (3, stride, stride), grey, additional_forward_args=(targets,)
            )[:, 0]

    assert_same(Occlusion(patch, stride), classifier, explain)


def test_guided_backprop_is_that_of_a_network_of_relu_modules() -> None:
    """captum changes the gradient of `nn.ReLU` modules only: not of ReLU6, nor of functions."""
    torch.manual_seed(1)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4)
    )  # fmt: skip
    classifier = BareClassifier(module)
    classifier.input = InputSpec.square(10)
    method = captum.GuidedBackprop(classifier.module)
    assert_same(GuidedBackprop(), classifier, lambda x, targets: method.attribute(x, targets).abs().amax(1))


class Known(nn.Module):
    """Convolution, ReLU, max pooling and a linear layer: modules that captum has rules for."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv, self.relu, self.pool = nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2)
        self.fc = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.pool(self.relu(self.conv(x))).flatten(1))


def test_lrp_epsilon_is_that_of_a_network_of_known_modules() -> None:
    """captum refuses ReLU6, identities, padding and flattening layers, and runs the network twice."""
    classifier = BareClassifier(Known())
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = captum.LRP(classifier.module).attribute(x.clone().requires_grad_(), TARGETS).sum(1).detach()
    maps = LrpEpsilon(epsilon=1e-9).explain(classifier, x, TARGETS)
    torch.testing.assert_close(maps, expected, rtol=1e-3, atol=1e-4)
