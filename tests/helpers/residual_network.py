"""A small float64 network with biases, a shared ReLU that works in place, and a residual sum in place."""

import torch
from torch import nn
from torch.nn import functional as F

from helpers.bare_classifier import BareClassifier

TARGETS = torch.tensor([2, 0])


class Residual(nn.Module):
    """Convolution, ReLU, a residual sum in place, average pooling and a linear layer, with or without biases."""

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
    """Return 2 x 3 x 4 x 4 float64 images in [low, 1]."""
    values = torch.rand(2, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    return values * (1 - low) + low


def classifier(module: nn.Module, *taps: str) -> BareClassifier:
    """Return a classifier of the module in float64, with the named modules as stages."""
    return BareClassifier(module.double(), taps)
