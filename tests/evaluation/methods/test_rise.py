import torch
from torch import nn

from helpers.bare_classifier import BareClassifier
from whyframe_evaluation.methods.class_scores import BATCH_SIZE
from whyframe_evaluation.methods.rise import Rise

SIDE = 30


class Corner(nn.Module):
    """Network whose logit of class 1 is the brightness of the top right corner."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(9.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logit = self.scale * x[:, :, :8, -8:].mean((1, 2, 3))
        return torch.stack([torch.zeros_like(logit), logit], 1)


def test_the_map_is_the_weighted_mean_of_the_masks() -> None:
    classifier, targets = BareClassifier(Corner(), mean=0.2), torch.tensor([1, 0])
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    method, generator = Rise(samples=BATCH_SIZE + 5, keep=0.4, seed=3), torch.Generator().manual_seed(3)
    masks = torch.cat([method.masks(n, SIDE, SIDE, generator) for n in (BATCH_SIZE, 5)])
    expected = torch.zeros(2, SIDE, SIDE)
    for mask in masks:
        behind = mask * (images - 0.2)  # the mask multiplies what the network sees, which is normalised
        expected += classifier.module(behind).softmax(1)[torch.arange(2), targets].view(2, 1, 1) * mask
    maps = method.explain(classifier, images, targets)
    torch.testing.assert_close(maps, expected / (0.4 * (BATCH_SIZE + 5)))


def test_the_maximum_is_where_the_class_is() -> None:
    classifier = BareClassifier(Corner(), mean=0.5)  # masking makes the corner darker, which lowers the class
    maps = Rise(samples=1000).explain(classifier, torch.ones(1, 3, SIDE, SIDE), torch.tensor([1]))
    row, column = divmod(int(maps[0].argmax()), SIDE)
    assert row < 10
    assert column >= 20


def test_masks_are_smooth_unbiased_and_shifted() -> None:
    masks = Rise(keep=0.3).masks(4000, SIDE, SIDE, torch.Generator().manual_seed(0))
    assert masks.shape == (4000, SIDE, SIDE)
    assert float(masks.min()) >= 0
    assert float(masks.max()) <= 1 + 1e-6
    torch.testing.assert_close(masks.mean(0), torch.full((SIDE, SIDE), 0.3), rtol=0, atol=0.05)
    assert float(((masks > 0) & (masks < 1)).float().mean()) > 0.3
    steepest = masks.diff(dim=2).abs().amax((0, 1))
    assert float(steepest.min()) > 0.9 * float(
        steepest.max()
    )  # the grid is shifted, so that edges lie everywhere


def test_the_defaults_are_those_of_the_paper() -> None:
    assert (Rise().samples, Rise().cells, Rise().keep) == (4000, 7, 0.5)
