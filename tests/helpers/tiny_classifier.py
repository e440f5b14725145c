"""A `Classifier` of the tiny network, and images for it."""

import torch
from torch.nn import functional as F

from helpers.tiny_network import CLASSES, SIDE, build
from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import Classifier

LABELS = tuple(str(index) for index in range(CLASSES))


def classifier(head_gain: float = 1.0) -> Classifier:
    """Return a classifier of the tiny network; a larger gain makes its probabilities depend more on the image."""
    module = build()
    with torch.no_grad():
        module.fc.weight.mul_(head_gain)
    return Classifier(module, name="tiny", labels=LABELS, input=InputSpec.square(SIDE))


def block_images(count: int) -> torch.Tensor:
    """Return images of 8 x 8 blocks of random colours, count x 3 x S x S in [0, 1]."""
    blocks = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return F.interpolate(blocks, size=(SIDE, SIDE), mode="nearest")
