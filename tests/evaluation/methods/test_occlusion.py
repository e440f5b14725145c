import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from helpers.bare_classifier import BareClassifier
from whyframe_evaluation.methods.occlusion import BlurOcclusion, Occlusion, VariableBlurOcclusion

SIDE = 56
TARGETS = torch.tensor([1, 0])


class Places(nn.Module):
    """Network whose logit of class 1 is the mean of a small region, and that of class 0 the mean of another."""

    def __init__(self) -> None:
        super().__init__()
        self.regions = nn.Parameter(torch.zeros(2, SIDE, SIDE))
        self.regions[1, 8:16, 40:48] = 3 / 64
        self.regions[0, 36:48, 8:20] = 3 / 144

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nchw,khw->nk", x, self.regions)


def images() -> torch.Tensor:
    return torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def classifier(mean: float = 0.0) -> BareClassifier:
    with torch.no_grad():
        return BareClassifier(Places(), mean=mean)


def falls(network: BareClassifier, covered: torch.Tensor) -> torch.Tensor:
    """Return how far the probabilities of the targets fall when images are covered."""
    before, after = (network.logits(x).softmax(1)[torch.arange(2), TARGETS] for x in (images(), covered))
    return before - after


def test_occlusion_is_the_mean_fall_over_the_squares_that_cover_a_pixel() -> None:
    network, patch, stride = classifier(mean=0.4), 20, 12
    total, covers = torch.zeros(2, SIDE, SIDE), torch.zeros(SIDE, SIDE)
    for top in range(0, 37, stride):
        for left in range(0, 37, stride):
            window = slice(top, top + patch), slice(left, left + patch)
            covered = images()
            covered[:, :, window[0], window[1]] = 0.4
            total[:, window[0], window[1]] += falls(network, covered)[:, None, None]
            covers[window] += 1
    maps = Occlusion(patch, stride).explain(network, images(), TARGETS)
    torch.testing.assert_close(maps, total / covers, rtol=1e-4, atol=1e-6)


def test_a_disc_is_blurred_as_in_the_paper() -> None:
    network, x = classifier(), images()
    maps = BlurOcclusion(radii=(70.0,), stride=28).explain(network, x, TARGETS)
    places = torch.arange(SIDE) + 0.5
    blurred = torch.from_numpy(gaussian_filter(x.numpy(), (0, 0, 10, 10), mode="mirror", truncate=3))
    for i, y in enumerate((14.5, 42.5)):
        for j, x0 in enumerate((14.5, 42.5)):
            disc = ((places[:, None] - y) ** 2 + (places - x0) ** 2 <= (70 * SIDE / 224) ** 2).float()
            mask = torch.from_numpy(gaussian_filter(disc.numpy(), 10, mode="mirror", truncate=3))
            expected = falls(network, x * (1 - mask) + blurred * mask)
            torch.testing.assert_close(maps[:, i, j], expected, rtol=1e-3, atol=1e-4)


def test_the_default_disc_is_that_of_the_paper() -> None:
    assert BlurOcclusion().radii == (35 / 2,)


def test_among_the_most_suppressive_tenth_the_smallest_disc_points_best() -> None:
    method = VariableBlurOcclusion(radii=(10.0, 30.0, 20.0), share=0.25)
    falls = torch.zeros(1, 3, 2, 2)  # 12 discs: the 3 largest falls count
    falls[0, 1] = torch.tensor([[0.9, 0.8], [0.1, 0.0]])  # the largest radius
    falls[0, 2] = torch.tensor([[0.2, 0.0], [0.7, -0.3]])
    falls[0, 0] = torch.tensor([[0.3, 0.1], [0.0, -0.2]])  # the smallest suppresses too little to count
    scores = method._score(falls)  # falls that no simple network gives
    assert scores.flatten().argsort(descending=True).tolist() == [2, 0, 1, 3]
    torch.testing.assert_close(scores, torch.tensor([[[2.9, 2.8], [4.7, 0.0]]]))
