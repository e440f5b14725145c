import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.bare_classifier import BareClassifier
from whyframe_evaluation.methods.guided import GuidedBackprop


class TwoLayers(nn.Module):
    def __init__(self, rectify) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rectify, self.hidden = rectify, nn.Linear(12, 9)
        self.last = nn.Linear(9, 4)
        self.hidden.weight.data *= 8  # so that some units pass ReLU6's ceiling

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.rectify(self.hidden(x.flatten(1))))


RECTIFIERS = {
    "relu": (nn.ReLU(), float("inf")),
    "relu in place": (nn.ReLU(inplace=True), float("inf")),
    "torch.relu": (torch.relu, float("inf")),
    "F.relu in place": (lambda x: F.relu(x, inplace=True), float("inf")),
    "Tensor.relu_": (lambda x: x.relu_(), float("inf")),
    "relu6": (nn.ReLU6(), 6.0),
    "relu6 in place": (nn.ReLU6(inplace=True), 6.0),
    "clamp": (lambda x: x.clamp(0, 6), 6.0),
}


@pytest.mark.parametrize("kind", RECTIFIERS)
def test_only_positive_slopes_pass_a_rectifier_that_is_open(kind) -> None:
    rectify, ceiling = RECTIFIERS[kind]
    module = TwoLayers(rectify).double()
    images = torch.rand(5, 3, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    targets = torch.tensor([0, 1, 2, 3, 0])
    seen = module.hidden(images.flatten(1))
    is_open = (seen > 0) & (seen < ceiling)
    assert 0 < int(is_open.sum()) < is_open.numel()
    expected = (is_open * module.last.weight[targets].clamp_min(0)) @ module.hidden.weight
    maps = GuidedBackprop().explain(BareClassifier(module), images, targets)
    torch.testing.assert_close(maps, expected.view_as(images).abs().amax(1).detach().float())


def test_it_is_captums_where_captum_knows_the_network() -> None:
    captum = pytest.importorskip("captum.attr")
    torch.manual_seed(1)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)
    ).eval()  # fmt: skip
    images, targets = torch.rand(2, 3, 10, 10), torch.tensor([0, 2])
    ours = GuidedBackprop().explain(BareClassifier(module), images, targets)
    theirs = captum.GuidedBackprop(module).attribute(images.clone().requires_grad_(), targets)
    torch.testing.assert_close(ours, theirs.abs().amax(1))
