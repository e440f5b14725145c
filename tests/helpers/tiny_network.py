"""A small CNN like those of users: stages at strides 4, 8, 16 and 32, batch norms, pooling and a linear layer."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

SIDE, CLASSES = 64, 5


class TinyNetwork(nn.Module):
    """Five strided convolution blocks, pooling and a linear layer."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        widths = (channels, 8, 8, 12, 16, 20)
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


def build(channels: int = 3) -> nn.Module:
    """Return the network with random weights and batch norm statistics from a fixed seed."""
    generator = torch.Generator().manual_seed(7)
    network = TinyNetwork(channels)
    for name, value in network.state_dict().items():
        if value.dtype == torch.float32:
            drawn = torch.randn(value.shape, generator=generator)
            value.copy_(1 + 0.1 * drawn.abs() if "var" in name or name.endswith("1.weight") else 0.3 * drawn)
    return network.eval()


def build_grey() -> nn.Module:
    """Return a network of grey images."""
    return build(1)


def build_alpha() -> nn.Module:
    """Return a network of images with alpha."""
    return build(4)


def build_with_softmax() -> nn.Module:
    """Return the network with a softmax inside, in the dict that Hugging Face's models return."""
    return _Wrapped(build(), lambda logits: {"logits": logits.softmax(1)})


def build_multi_label() -> nn.Module:
    """Return the network with a bias that makes some labels present and others absent; its outputs are logits."""
    network = build()
    with torch.no_grad():
        network.fc.bias.copy_(torch.tensor([1.0, -2.0, 0.5, -0.3, -1.0]))
        network.fc.weight.mul_(0.2)
    return network


def build_multi_label_with_sigmoid() -> nn.Module:
    """Return the multi-label network with a sigmoid inside."""
    return _Wrapped(build_multi_label(), torch.sigmoid)


def build_with_log_softmax() -> nn.Module:
    """Return the network with a log-softmax inside."""
    return _Wrapped(build(), lambda logits: logits.log_softmax(1))


def build_binary() -> nn.Module:
    """Return the network with a single logit."""
    network = build()
    layer = nn.Linear(network.fc.in_features, 1)
    with torch.no_grad():
        layer.weight.copy_(0.1 * (network.fc.weight[:1] - network.fc.weight[1:2]))
        layer.bias.fill_(-1.0)
    network.fc = layer
    return network.eval()


def build_mixed() -> nn.Module:
    """Return the network with a hidden layer between the pooling and the last layer: it has no class activation map."""
    network = build()
    torch.manual_seed(7)
    network.fc = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, CLASSES))
    return network.eval()


class _Wrapped(nn.Module):
    def __init__(self, network: nn.Module, ending: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.network, self.ending = network, ending

    def forward(self, x: torch.Tensor) -> object:
        return self.ending(self.network(x))


class Ending(nn.Module):
    """The tiny network with another last step, and with a single output where asked for."""

    def __init__(
        self, ending: Callable[[torch.Tensor], object], single: bool = False, scale: float = 1.0
    ) -> None:
        super().__init__()
        self.tiny, self.ending = build(), ending
        with torch.no_grad():
            self.tiny.fc.weight *= scale
        if single:
            layer = nn.Linear(self.tiny.fc.in_features, 1)
            with torch.no_grad():
                layer.weight.copy_(self.tiny.fc.weight[:1] - self.tiny.fc.weight[1:2])
                layer.bias.fill_(0.1)
            self.tiny.fc = layer

    def forward(self, x: torch.Tensor) -> object:
        return self.ending(self.tiny(x))


def not_a_module() -> str:
    """Return something that is not a network, for tests of the error."""
    return "a string"
