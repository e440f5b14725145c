"""Telling clean from adversarial pictures by their heatmaps alone (second paper, 5.5 and Fig. 10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from whyframe_training.perturb import upsample

__all__ = ["Discrimination", "Heatmaps", "alexnet", "discriminate"]


def alexnet() -> nn.Module:
    """The paper's network, from nothing, with two classes."""
    from torchvision.models import alexnet as build

    return build(weights=None, num_classes=2)


@dataclass(frozen=True)
class Heatmaps:
    """Heatmaps of clean pictures and of their adversarial counterparts, N x h x w each."""

    clean: Tensor
    adversarial: Tensor

    def __len__(self) -> int:
        return len(self.clean) + len(self.adversarial)

    def examples(self, side: int) -> tuple[Tensor, Tensor]:
        """Both as (N x 3 x side x side in [0, 1], N labels; 1 for adversarial), each map by its own range."""
        maps = torch.cat([self.clean, self.adversarial]).float()
        low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
        scaled = (maps - low) / (high - low).clamp_min(torch.finfo(maps.dtype).tiny)
        labels = torch.arange(len(maps), device=maps.device) >= len(self.clean)
        return upsample(scaled, side).expand(-1, 3, -1, -1), labels.long()


@dataclass(frozen=True)
class Discrimination:
    """How to train the discriminator; the rate, penalty and momentum are the paper's.

    Attributes:
        build: the network: N x 3 x side x side to N x 2.
        side: of its input, in pixels.
        rate: of stochastic gradient descent.
        l1: weight of the sum of the absolute weights.
        momentum: of the descent.
        epochs: over the training heatmaps.
        batch: heatmaps a step.
        seed: of the network's weights and of the order.
    """

    build: Callable[[], nn.Module] = alexnet
    side: int = 224
    rate: float = 1e-2
    l1: float = 1e-4
    momentum: float = 0.9
    epochs: int = 30
    batch: int = 64
    seed: int = 0


def discriminate(train: Heatmaps, test: Heatmaps, how: Discrimination | None = None) -> float:
    """Trains a small network on heatmaps and returns its accuracy on others, in percent.

    Half the heatmaps of each set must be adversarial for chance to be 50. The global random state is left as it was.

    Args:
        train: to learn from.
        test: to measure on.
        how: the network and its training.
    """
    how = how or Discrimination()
    device = train.clean.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(how.seed)
        network = _trained(how.build().to(device), *train.examples(how.side), how)
    images, labels = test.examples(how.side)
    with torch.no_grad():
        predicted = torch.cat([network(part).argmax(dim=1) for part in images.split(how.batch)])
    return 100 * float((predicted == labels).double().mean())


def _trained(network: nn.Module, images: Tensor, labels: Tensor, how: Discrimination) -> nn.Module:
    descent = torch.optim.SGD(network.parameters(), how.rate, momentum=how.momentum)
    with torch.enable_grad():
        for _ in range(how.epochs):
            order = torch.randperm(len(images)).to(images.device)
            for picks in order.split(how.batch):
                loss = F.cross_entropy(network(images[picks]), labels[picks]) + how.l1 * _l1(network)
                descent.zero_grad()
                loss.backward()
                descent.step()
    return network.eval()


def _l1(network: nn.Module) -> Tensor:
    return torch.stack([p.abs().sum() for p in network.parameters() if p.ndim > 1]).sum()
