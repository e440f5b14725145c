"""Discrimination of clean and adversarial images by their heatmaps alone.

Fong and Vedaldi 2017, section 5.5 and Fig. 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from whyframe_training.perturb import upsample

__all__ = ["DiscriminatorConfig", "LabelledHeatmaps", "discrimination_accuracy"]


@dataclass(frozen=True)
class LabelledHeatmaps:
    """Heatmaps of clean and of adversarial images.

    Attributes:
        clean: N x h x w float, each heatmap scaled to [0, 1] by its own range.
        adversarial: M x h x w float, scaled in the same way.
    """

    clean: Tensor
    adversarial: Tensor

    def examples(self, side: int) -> tuple[Tensor, Tensor]:
        """Return all heatmaps as examples for the discriminator.

        Args:
            side: Side of the examples, in pixels.

        Returns:
            Images, (N + M) x 3 x side x side float32 in [0, 1], and labels, N + M int64: 1 for adversarial.
        """
        maps = torch.cat([self.clean, self.adversarial]).float()
        labels = torch.arange(len(maps), device=maps.device) >= len(self.clean)
        return upsample(maps, side).expand(-1, 3, -1, -1), labels.long()


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Discriminator network and its training; the defaults are those of the paper.

    Attributes:
        build: Function that returns the untrained network, from N x 3 x side x side to N x 2 logits.
        side: Side of the network's input, in pixels.
        epochs: Number of passes over the training heatmaps.
        batch: Number of heatmaps in a step.
        learning_rate: Learning rate of stochastic gradient descent.
        l1: Weight of the sum of the absolute weights, biases excluded.
        momentum: Momentum of the descent.
        seed: Seed of the initial weights and of the order of the heatmaps.
    """

    build: Callable[[], nn.Module]
    side: int
    epochs: int
    batch: int
    learning_rate: float = 1e-2
    l1: float = 1e-4
    momentum: float = 0.9
    seed: int = 0


def discrimination_accuracy(
    train: LabelledHeatmaps, test: LabelledHeatmaps, config: DiscriminatorConfig
) -> float:
    """Train a network to separate clean from adversarial heatmaps, and return its accuracy on other heatmaps.

    Higher means that heatmaps reveal an attack more often; chance is 50 for equal numbers of both kinds. The global
    random state stays as it was.

    Args:
        train: Heatmaps to train on.
        test: Heatmaps to measure on.
        config: Network and its training.

    Returns:
        Accuracy in percent.
    """
    device = train.clean.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        network = _trained(config.build().to(device), *train.examples(config.side), config)
    images, labels = test.examples(config.side)
    with torch.no_grad():
        predicted = torch.cat([network(part).argmax(dim=1) for part in images.split(config.batch)])
    return 100 * float((predicted == labels).double().mean())


def _trained(network: nn.Module, images: Tensor, labels: Tensor, config: DiscriminatorConfig) -> nn.Module:
    optimiser = torch.optim.SGD(network.parameters(), config.learning_rate, momentum=config.momentum)
    with torch.enable_grad():
        for _ in range(config.epochs):
            order = torch.randperm(len(images)).to(images.device)
            for batch in order.split(config.batch):
                loss = F.cross_entropy(network(images[batch]), labels[batch]) + config.l1 * _l1(network)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    return network.eval()


def _l1(network: nn.Module) -> Tensor:
    return torch.stack([p.abs().sum() for p in network.parameters() if p.ndim > 1]).sum()
