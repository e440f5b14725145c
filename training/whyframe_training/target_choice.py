"""Choice of the classes that a mask predictor is trained to explain.

A class is drawn for each image: often the predicted one, so that the masks of what the user asks for are learned best,
and sometimes another one, so that the predictor depends on the target. A multi-label classifier predicts every label
whose probability is at least 0.5, or the most probable label where there is none.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["choose_filter_labels", "choose_filter_targets", "choose_target_labels", "choose_targets"]

TOP = 5
"""Number of the most probable classes among which the targets are."""


def choose_targets(logits: Tensor, predicted_share: float, rng: torch.Generator) -> Tensor:
    """Draw the class to explain for each image: the predicted class, or another of the top five.

    Args:
        logits: N x classes, of classes that exclude each other.
        predicted_share: Probability of the predicted class; the rest is spread evenly over the other four.
        rng: Generator on the CPU.

    Returns:
        N class ids, int64.
    """
    top = logits.topk(min(TOP, logits.shape[1]), dim=1).indices
    other = torch.randint(1, max(2, top.shape[1]), (len(top),), generator=rng)
    place = torch.where(torch.rand(len(top), generator=rng) < predicted_share, 0, other)
    place = place.clamp_max(top.shape[1] - 1).to(top.device)
    return top.gather(1, place[:, None])[:, 0]


def choose_target_labels(logits: Tensor, predicted_share: float, rng: torch.Generator) -> Tensor:
    """Draw the label to explain for each image: one that is present, or one of the four that come next.

    Args:
        logits: N x labels, of independent labels.
        predicted_share: Probability of a label that is present, each with the same probability; the rest is spread
            evenly over the four most probable labels that are absent.
        rng: Generator on the CPU.

    Returns:
        N label ids, int64.
    """
    order = logits.argsort(dim=1, descending=True)
    present = (logits > 0).sum(dim=1).clamp_min(1).cpu()
    first = (torch.rand(len(order), generator=rng) * present).long()
    other = present + torch.randint(0, TOP - 1, (len(order),), generator=rng)
    place = torch.where(torch.rand(len(order), generator=rng) < predicted_share, first, other)
    place = place.clamp_max(order.shape[1] - 1).to(order.device)
    return order.gather(1, place[:, None])[:, 0]


def choose_filter_targets(logits: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw a class for each image to train the feature filter: the predicted class, or any other.

    Args:
        logits: N x classes, of classes that exclude each other.
        rng: Generator on the CPU.

    Returns:
        N class ids, int64, and N bools, true where the class is the predicted one.
    """
    count, classes = logits.shape
    present = torch.rand(count, generator=rng) < 0.5
    shift = torch.randint(1, classes, (count,), generator=rng)
    predicted = logits.argmax(dim=1)
    present, shift = present.to(logits.device), shift.to(logits.device)
    return torch.where(present, predicted, (predicted + shift) % classes), present


def choose_filter_labels(logits: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw a label for each image to train the feature filter: one that is present, or one that is absent.

    At least the most probable label counts as present, and at least the least probable label as absent.

    Args:
        logits: N x labels, of independent labels.
        rng: Generator on the CPU.

    Returns:
        N label ids, int64, and N bools, true where the label is present.
    """
    order = logits.argsort(dim=1, descending=True)
    count, labels = order.shape
    split = (logits > 0).sum(dim=1).clamp(1, labels - 1).cpu()
    present = torch.rand(count, generator=rng) < 0.5
    draw = torch.rand(count, generator=rng)
    place = torch.where(present, draw * split, split + draw * (labels - split)).long()
    place = place.clamp_max(labels - 1).to(order.device)
    return order.gather(1, place[:, None])[:, 0], present.to(order.device)
