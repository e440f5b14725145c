"""A small CNN like those of users: stages at strides 4, 8, 16 and 32, batch norms, pooling and a linear layer."""

from itertools import pairwise

import torch
from torch import nn

SIDE, CLASSES = 64, 5


class TinyNetwork(nn.Module):
    """Five strided convolution blocks, pooling and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 8, 8, 12, 16, 20)
        blocks = [self._block(a, b) for a, b in pairwise(widths)]
        self.body = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(widths[-1], CLASSES)

    @staticmethod
    def _block(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.pool(self.body(x)).flatten(1))


def build() -> nn.Module:
    """Return the network with random weights and batch norm statistics from a fixed seed."""
    generator = torch.Generator().manual_seed(7)
    network = TinyNetwork()
    for name, value in network.state_dict().items():
        if value.dtype == torch.float32:
            drawn = torch.randn(value.shape, generator=generator)
            value.copy_(1 + 0.1 * drawn.abs() if "var" in name or name.endswith("1.weight") else 0.3 * drawn)
    return network.eval()


def not_a_module() -> str:
    """Return something that is not a network, for tests of the error."""
    return "a string"
