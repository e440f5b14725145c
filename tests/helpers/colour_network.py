"""A network with known outputs: the logit of class k is the amount of texture in colour channel k."""

import torch
from torch import nn

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import Classifier

SIDE, CELL = 64, 24
CORNERS = ((4, 4), (36, 36), (36, 4))  # top left of the red, the green and the blue patch
LABELS = ("red", "green", "blue")


def classifier() -> Classifier:
    """Return a classifier of the edges in each colour channel, averaged over the image; blurring removes the edges."""
    edges = nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect", groups=3, bias=False)
    linear = nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        edges.weight.copy_(torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]]).expand(3, 1, 3, 3))
        linear.weight.copy_(20 * torch.eye(3))
    pools = [nn.AvgPool2d(2) for _ in range(5)]
    network = nn.Sequential(edges, nn.ReLU(), *pools, nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    plain = {"mean": (0.5, 0.5, 0.5), "std": (1.0, 1.0, 1.0)}
    return Classifier(
        network, name="colours", labels=LABELS, input=InputSpec.square(SIDE, **plain), fold=False
    )


def image(seed: int = 0) -> torch.Tensor:
    """Return a grey 1 x 3 x S x S image with patches of red, green and blue noise."""
    noise = torch.rand(3, CELL, CELL, generator=torch.Generator().manual_seed(seed))
    grey = torch.full((1, 3, SIDE, SIDE), 0.5)
    for colour, (y, x) in enumerate(CORNERS):
        grey[0, colour, y : y + CELL, x : x + CELL] = noise[colour]
    return grey


def patch(colour: int) -> torch.Tensor:
    """Return an S x S mask that is true in the patch of a colour."""
    y, x = CORNERS[colour]
    inside = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    inside[y : y + CELL, x : x + CELL] = True
    return inside
