"""The networks that the relevance rules cover, and the functions that pass relevance through."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.residual_network import TARGETS, Residual, classifier, images
from whyframe_evaluation.methods.backward_rules import UnsupportedOperation
from whyframe_evaluation.methods.excitation_backprop import ExcitationBackprop
from whyframe_evaluation.methods.gradients import GradientTimesInput
from whyframe_evaluation.methods.lrp import LrpEpsilon


def test_a_value_that_is_overwritten_later_keeps_its_relevance() -> None:
    class Overwritten(Residual):
        rectify = staticmethod(F.relu_)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.first(x)
            both = self.second(x[:, :1].expand_as(y)) + y
            return self.fc(F.avg_pool2d(both + self.rectify(y), 2).flatten(1))

    network = classifier(Overwritten())
    maps = LrpEpsilon(epsilon=1e-12).explain(network, images(-1), TARGETS)
    network.module.rectify = F.relu
    expected = GradientTimesInput().explain(network, images(-1), TARGETS)
    torch.testing.assert_close(maps, expected)


def test_batch_norms_and_constants_pass_relevance_through() -> None:
    class Preprocessed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.fc = nn.BatchNorm2d(3), nn.Linear(48, 3, bias=False)
            self.norm.running_mean += 0.3

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.norm(x * 2 + 1).flatten(1))

    network = classifier(Preprocessed().eval())
    maps = LrpEpsilon(epsilon=1e-12).explain(network, images(), TARGETS)
    logits = network.logits(images()).gather(1, TARGETS[:, None])[:, 0]
    torch.testing.assert_close(maps.sum((1, 2)), logits.float())


@pytest.mark.parametrize("operation", [F.silu, lambda x: x * x.sigmoid(), lambda x: x * x])
@pytest.mark.parametrize("method", [LrpEpsilon(), ExcitationBackprop(stage=0)])
def test_a_network_with_an_operation_without_a_rule_is_refused(method, operation) -> None:
    class Smooth(Residual):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(operation(x))

    with pytest.raises(UnsupportedOperation, match="choose another method"):
        method.explain(classifier(Smooth(), "first"), images(), TARGETS)
