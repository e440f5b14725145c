import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.bare_classifier import BareClassifier
from whyframe_evaluation.methods.guided_backprop import GuidedBackprop


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
def test_only_positive_gradients_pass_a_rectifier_where_it_passes_values(kind) -> None:
    rectify, ceiling = RECTIFIERS[kind]
    module = TwoLayers(rectify).double()
    images = torch.rand(5, 3, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    targets = torch.tensor([0, 1, 2, 3, 0])
    hidden = module.hidden(images.flatten(1))
    passes = (hidden > 0) & (hidden < ceiling)
    assert 0 < int(passes.sum()) < passes.numel()
    expected = (passes * module.last.weight[targets].clamp_min(0)) @ module.hidden.weight
    maps = GuidedBackprop().explain(BareClassifier(module), images, targets)
    torch.testing.assert_close(maps, expected.view_as(images).abs().amax(1).detach().float())
