"""Excitation backprop and LRP against the papers' sums, written out over explicit matrices in float64."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.bare_classifier import BareClassifier
from whyframe_evaluation.methods.excitation import ContrastiveExcitationBackprop, ExcitationBackprop
from whyframe_evaluation.methods.gradients import GradientTimesInput
from whyframe_evaluation.methods.lrp import LrpAlphaBeta, LrpEpsilon
from whyframe_evaluation.methods.relevance import UnsupportedOperation

TARGETS = torch.tensor([2, 0])


class Residual(nn.Module):
    """Convolution, rectifier, a residual sum in place, average pooling, a linear layer; all with biases."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = (nn.Conv2d(*c, 3, padding=1, bias=bias) for c in ((3, 4), (4, 4)))
        self.relu, self.fc = nn.ReLU(inplace=True), nn.Linear(16, 3, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.first(x))
        y = self.second(x)
        y += x
        return self.fc(F.avg_pool2d(self.relu(y), 2).flatten(1))


def images(low: float = 0.0) -> torch.Tensor:
    drawn = torch.rand(2, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    return drawn * (1 - low) + low


def classifier(module: nn.Module, *taps: str) -> BareClassifier:
    return BareClassifier(module.double(), taps)


def matrix(linear, like: torch.Tensor) -> torch.Tensor:
    """The matrix of a linear function of one sample, one column a value of its input."""
    basis = torch.eye(like[0].numel(), dtype=torch.float64).view(-1, *like.shape[1:])
    return linear(basis).flatten(1).T


def states(module: Residual, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The activations: after the first rectifier, of the second convolution, after the sum's rectifier, pooled."""
    a = module.first(x).relu()
    y = module.second(a)
    return a, y, (a + y).relu(), F.avg_pool2d((a + y).relu(), 2)


def layers(module: Residual, x: torch.Tensor) -> list[torch.Tensor]:
    """The matrices of the first convolution, the second, the pooling."""
    a, _, b, _ = states(module, x)
    first = matrix(lambda v: F.conv2d(v, module.first.weight, padding=1), x)
    second = matrix(lambda v: F.conv2d(v, module.second.weight, padding=1), a)
    return [first, second, matrix(lambda v: F.avg_pool2d(v, 2), b)]


def winners(above: torch.Tensor, weight: torch.Tensor, below: torch.Tensor) -> torch.Tensor:
    """The rule, unit by unit: probabilities above (one sample), outputs x inputs, activations below."""
    result = torch.zeros_like(below)
    for i, p in enumerate(above):
        excites = below.clamp_min(0) * weight[i].clamp_min(0)
        if excites.sum() > 0:
            result += p * excites / excites.sum()
    return result


def excitation(module: Residual, x: torch.Tensor, target: int, sign: int = 1) -> torch.Tensor:
    """Probabilities of the first rectifier's outputs, C x h x w."""
    a, y, b, pooled = (s.flatten() for s in states(module, x[None]))
    _, second, pool = layers(module, x[None])
    p = winners(torch.ones(1), sign * module.fc.weight[target : target + 1], pooled)
    p = winners(p, pool, b)
    shares = a + y.clamp_min(0)
    ratio = torch.where(shares > 0, p / shares, 0)
    return (a * ratio + winners(y.clamp_min(0) * ratio, second, a)).view(4, 4, 4)


def test_excitation_backprop_hands_probability_through_every_layer() -> None:
    module = Residual()
    maps = ExcitationBackprop(stage=0).explain(classifier(module, "relu"), images(), TARGETS)
    # The rectifier is shared: the stage is its last output. Down to the first one by its own module below.
    assert maps.shape == (2, 4, 4)
    torch.testing.assert_close(maps.sum((1, 2)), torch.ones(2))
    maps = ExcitationBackprop(stage=0).explain(classifier(Tapped(module), "tap"), images(), TARGETS)
    for x, target, ours in zip(images(), TARGETS.tolist(), maps, strict=True):
        torch.testing.assert_close(ours, excitation(module, x, target).sum(0).detach().float())


def test_the_contrast_takes_away_what_wins_for_the_negated_class() -> None:
    module = Residual()
    maps = ContrastiveExcitationBackprop(stage=0).explain(
        classifier(Tapped(module), "tap"), images(), TARGETS
    )
    for x, target, ours in zip(images(), TARGETS.tolist(), maps, strict=True):
        difference = excitation(module, x, target) - excitation(module, x, target, sign=-1)
        torch.testing.assert_close(ours, difference.sum(0).clamp_min(0).detach().float())
    assert float(maps.max()) > 0


class Tapped(nn.Module):
    """`Residual` with a name for the first rectifier's output."""

    def __init__(self, inner: Residual) -> None:
        super().__init__()
        self.inner, self.tap = inner, nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.inner
        x = self.tap(inner.relu(inner.first(x)))
        return inner.fc(F.adaptive_avg_pool2d(torch.relu(x + inner.second(x)), 2).flatten(1))


@pytest.mark.parametrize("bias", [False, True])
def test_lrp_with_a_vanishing_epsilon_is_gradient_times_input(bias) -> None:
    subject = classifier(Residual(bias))
    maps = LrpEpsilon(epsilon=1e-12).explain(subject, images(-1), TARGETS)
    torch.testing.assert_close(maps, GradientTimesInput().explain(subject, images(-1), TARGETS))


def test_a_value_that_is_overwritten_later_keeps_its_relevance() -> None:
    class Overwritten(Residual):
        rectify = staticmethod(F.relu_)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.first(x)
            both = self.second(x[:, :1].expand_as(y)) + y
            return self.fc(F.avg_pool2d(both + self.rectify(y), 2).flatten(1))

    subject = classifier(Overwritten())
    maps = LrpEpsilon(epsilon=1e-12).explain(subject, images(-1), TARGETS)
    subject.module.rectify = F.relu
    expected = GradientTimesInput().explain(subject, images(-1), TARGETS)
    torch.testing.assert_close(maps, expected)


def test_lrp_without_biases_hands_out_the_whole_logit() -> None:
    subject = classifier(Residual(bias=False))
    logits = subject.logits(images(-1)).gather(1, TARGETS[:, None])[:, 0].float()
    for method in (LrpEpsilon(epsilon=1e-12), LrpAlphaBeta(), LrpAlphaBeta(alpha=1)):
        maps = method.explain(subject, images(-1), TARGETS)
        torch.testing.assert_close(maps.sum((1, 2)), logits, rtol=1e-3, atol=1e-3)


def test_epsilon_takes_its_part_of_small_sums() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(48, 3)).double()
    subject, x = classifier(module), images(-1)
    maps = LrpEpsilon(epsilon=0.5).explain(subject, x, TARGETS)
    logit = module(x).gather(1, TARGETS[:, None])[:, 0]
    share = (logit / (logit + 0.5 * logit.sign())).view(2, 1, 1, 1)
    expected = x * module[1].weight[TARGETS].view_as(x) * share
    torch.testing.assert_close(maps, expected.sum(1).detach().float())


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_alpha_beta_is_equation_60_unit_by_unit(alpha) -> None:
    torch.manual_seed(2)
    module = nn.Sequential(nn.Flatten(), nn.Linear(48, 7), nn.ReLU(), nn.Linear(7, 3)).double()
    maps = LrpAlphaBeta(alpha).explain(classifier(module), images(-1), TARGETS)
    for x, target, ours in zip(images(-1), TARGETS.tolist(), maps, strict=True):
        hidden = module[:3](x[None])[0]
        above = F.one_hot(torch.tensor(target), 3) * module(x[None])[0]
        above = shared(above, module[3], hidden, alpha)
        below = shared(above, module[1], x.flatten(), alpha)
        torch.testing.assert_close(ours, below.view_as(x).sum(0).detach().float())


def shared(above: torch.Tensor, layer: nn.Linear, x: torch.Tensor, alpha: float) -> torch.Tensor:
    result = torch.zeros_like(x)
    for r, w, b in zip(above, layer.weight, layer.bias, strict=True):
        z = x * w
        plus, minus = z.clamp_min(0), z.clamp_max(0)
        result = result + r * alpha * plus / (plus.sum() + b.clamp_min(0)).clamp_min(1e-300)
        result = result - r * (alpha - 1) * minus / (minus.sum() + b.clamp_max(0)).clamp_max(-1e-300)
    return result


def test_lrp_epsilon_is_captums_where_captum_knows_the_network() -> None:
    captum = pytest.importorskip("captum.attr")

    class Known(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(1)
            self.conv, self.relu, self.pool, self.fc = (
                nn.Conv2d(3, 6, 3),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Linear(6, 3),
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(torch.flatten(self.pool(self.relu(self.conv(x))), 1))

    module, x = Known().eval(), torch.rand(2, 3, 4, 4)
    theirs = captum.LRP(module).attribute(x.clone().requires_grad_(), TARGETS).sum(1).detach()
    ours = LrpEpsilon(epsilon=1e-9).explain(BareClassifier(module), x, TARGETS)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_batch_norms_and_constants_hand_relevance_through() -> None:
    class Preprocessed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.fc = nn.BatchNorm2d(3), nn.Linear(48, 3, bias=False)
            self.norm.running_mean += 0.3

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.norm(x * 2 + 1).flatten(1))

    subject = classifier(Preprocessed().eval())
    maps = LrpEpsilon(epsilon=1e-12).explain(subject, images(), TARGETS)
    logits = subject.logits(images()).gather(1, TARGETS[:, None])[:, 0]
    torch.testing.assert_close(maps.sum((1, 2)), logits.float())


@pytest.mark.parametrize("operation", [F.silu, lambda x: x * x.sigmoid(), lambda x: x * x])
@pytest.mark.parametrize("method", [LrpEpsilon(), ExcitationBackprop(stage=0)])
def test_a_network_without_rules_is_refused_in_one_line(method, operation) -> None:
    class Smooth(Residual):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(operation(x))

    with pytest.raises(UnsupportedOperation, match="choose another method"):
        method.explain(classifier(Smooth(), "first"), images(), TARGETS)
