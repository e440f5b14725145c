import pytest
import torch
from torch import nn

from helpers.bare_classifier import BareClassifier
from whyframe_evaluation.methods.cam import Cam, GradCam, GradCamPlusPlus
from whyframe_training.classifiers.classifier import ClassifierError

IMAGES = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[4.0, 0.0], [0.0, 0.0]]]])
"""One image that is its own two feature maps, with sums 10 and 4."""
WEIGHT = torch.tensor([[2.0, -4.0], [1.0, 2.0]])
FIRST, SECOND = IMAGES[0]


class Pooled(nn.Module):
    """Features, pooling and a linear layer: dS_c / dA_k is w_ck / 4 everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.fc = nn.Identity(), nn.Linear(2, 2, bias=False)
        self.fc.weight.data.copy_(WEIGHT)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.features(x).mean(dim=(2, 3)))


class Scored(nn.Module):
    """Features, and a given score of them for both classes."""

    def __init__(self, score) -> None:
        super().__init__()
        self.features, self.score, self.unused = nn.Identity(), score, nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.score(self.features(x)).view(-1, 1).repeat(1, 2)


def explain(method, module: nn.Module, target: int = 0) -> torch.Tensor:
    classifier = BareClassifier(module, ["features"] * 4)
    return method.explain(classifier, IMAGES, torch.tensor([target]))[0]


def test_cam_weights_features_by_the_linear_layer_without_a_relu(monkeypatch) -> None:
    monkeypatch.setattr(BareClassifier, "head", lambda self: self.module.fc)
    torch.testing.assert_close(explain(Cam(), Pooled()), 2 * FIRST - 4 * SECOND)
    torch.testing.assert_close(explain(Cam(), Pooled(), 1), FIRST + 2 * SECOND)


def test_cam_refuses_a_network_that_does_not_end_in_pooling_and_a_linear_layer(monkeypatch) -> None:
    monkeypatch.setattr(BareClassifier, "head", lambda self: None)
    with pytest.raises(ClassifierError, match="class activation map"):
        explain(Cam(), Pooled())


def test_grad_cam_is_the_rectified_sum_weighted_by_mean_gradients() -> None:
    torch.testing.assert_close(explain(GradCam(), Pooled()), ((2 * FIRST - 4 * SECOND) / 4).relu())


def test_grad_cam_plus_plus_of_a_linear_score_by_hand() -> None:
    # g is 1/2 and -1: a_1 = (1/4) / (2/4 + 10/8) = 1/7, weight 4 * a_1 / 2 = 2/7; the negative gradient has none.
    torch.testing.assert_close(explain(GradCamPlusPlus(), Pooled()), 2 / 7 * FIRST)


def test_grad_cam_plus_plus_weights_come_from_the_derivatives_of_the_exponential() -> None:
    """Eq. 19, with the second and third derivative of Y = exp(S) at each place computed by autograd."""
    gradients = torch.tensor([[[0.3, -0.2], [0.5, 0.1]], [[0.2, 0.4], [-0.1, 0.6]]])
    features, slopes = IMAGES[0].double(), gradients.double()
    weights = torch.zeros(2, dtype=torch.float64)
    for k, i, j in torch.cartesian_prod(*[torch.arange(2)] * 3):
        place = features[k, i, j].clone().requires_grad_()
        y = ((slopes * features).sum() + slopes[k, i, j] * (place - features[k, i, j])).exp()
        first = torch.autograd.grad(y, place, create_graph=True)[0]
        second = torch.autograd.grad(first, place, create_graph=True)[0]
        third = torch.autograd.grad(second, place)[0]
        alpha = second / (2 * second + features[k].sum() * third)
        weights[k] += (alpha * first.relu() / y).detach()
    maps = explain(GradCamPlusPlus(), Scored(lambda a: (gradients * a).sum((1, 2, 3))))
    torch.testing.assert_close(maps, (weights.view(2, 1, 1) * features).sum(0).relu().float())
