import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from whyframe_training.classifiers.network_cut import Cut, capture_cut, cost_after, find_cut, resume
from whyframe_training.classifiers.networks import ClassifierError

CLASSES, WIDTH = 4, 8


def images(height: int = 16, width: int = 16) -> Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))


class Pooled(nn.Module):
    """A CNN whose activation module is called twice, as in EfficientNet-Lite."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, WIDTH, 4, stride=4), nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.relu, self.fc = nn.ReLU(), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.relu(self.second(self.relu(self.first(x)))).mean((2, 3)))


class AroundTheLastFeatures(Pooled):
    """The classifier also reads the first features, around the last ones."""

    def forward(self, x: Tensor) -> Tensor:
        first = self.relu(self.first(x))
        return self.fc(self.second(first).mean((2, 3)) + first.mean((2, 3)))


class AroundAllFeatures(Pooled):
    """The classifier also reads the image itself."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x.mean()


class BatchOfInput(Pooled):
    """The batch size after the last features is that of the input."""

    def forward(self, x: Tensor) -> Tensor:
        features = self.relu(self.second(self.relu(self.first(x))))
        return self.fc(features.view(x.shape[0], WIDTH, -1).mean(2))


class Block(nn.Module):
    """A transformer block that returns a tuple, as those of Hugging Face."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(WIDTH), nn.MultiheadAttention(WIDTH, 2, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        y = self.norm(x)
        return x + self.attention(y, y, y, need_weights=False)[0], None


class Tokens(nn.Module):
    """A vision transformer with `extra` class and register tokens, or with the mean of all tokens."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.patches, self.extra = nn.Conv2d(3, WIDTH, 4, stride=4), extra
        self.tokens = nn.Parameter(torch.randn(1, extra, WIDTH))
        self.blocks = nn.ModuleList([Block() for _ in range(3)])
        self.fc = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.tokens.expand(len(x), -1, -1), x), 1)
        for block in self.blocks:
            x = block(x)[0]
        return self.fc(x[:, 0] if self.extra else x.mean(1))


class ChannelsLast(Pooled):
    """The last features are N x h x w x C, as in Swin transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(self.first(x).permute(0, 2, 3, 1)).mean((1, 2)))


CUTS = [
    (Pooled, (16, 16), Cut("relu", 1, "map", 4, 4)),
    (Pooled, (16, 24), Cut("relu", 1, "map", 4, 6)),
    (AroundTheLastFeatures, (16, 16), Cut("relu", 0, "map", 4, 4)),
    (BatchOfInput, (16, 16), Cut("relu", 1, "map", 4, 4, batch_of_input=True)),
    (ChannelsLast, (16, 24), Cut("norm", 0, "map_last", 4, 6)),
    (lambda: Tokens(0), (16, 24), Cut("blocks.2", 0, "tokens", 4, 6)),
    (lambda: Tokens(1), (16, 16), Cut("blocks.1", 0, "tokens", 4, 4, extra=1)),
    (lambda: Tokens(5), (16, 24), Cut("blocks.1", 0, "tokens", 4, 6, extra=5)),
]


@pytest.mark.parametrize(("build", "size", "expected"), CUTS)
@torch.no_grad()
def test_the_network_is_cut_after_its_last_cells_and_resumed_from_them(build, size, expected) -> None:
    torch.manual_seed(0)
    network, x = build().eval(), images(*size)
    cut = find_cut(network, x)
    assert cut._replace(before=()) == expected
    assert cut.before
    with capture_cut(network, cut) as found:
        logits = network(x)
    torch.testing.assert_close(resume(network, cut, found[0], torch.full_like(x[:1], 9.0)), logits)
    torch.testing.assert_close(network(x), logits)  # no hook is left behind


@torch.no_grad()
def test_what_runs_before_the_cut_is_not_run_again() -> None:
    network, x = BatchOfInput().eval(), images()
    cut = find_cut(network, x)
    assert {name for name, _ in cut.before} == {"first", "second"}
    with FlopCounterMode(display=False) as counter:
        resume(network, cut, torch.rand(50, WIDTH, 4, 4), x[:1])
    assert counter.get_total_flops() == 2 * 50 * WIDTH * CLASSES
    first, second, linear = 3 * 16 * WIDTH * 16, 9 * WIDTH**2 * 16, WIDTH * CLASSES
    assert cost_after(network, cut, x[:1]) == pytest.approx(linear / (first + second + linear))


@pytest.mark.parametrize("extra", [0, 1, 5])
def test_weights_of_cells_have_the_shape_of_the_features(extra) -> None:
    weights = torch.rand(7, 2, 3)
    assert torch.equal(Cut("", 0, "map", 2, 3).spread(weights), weights[:, None])
    assert torch.equal(Cut("", 0, "map_last", 2, 3).spread(weights), weights[..., None])
    tokens = Cut("", 0, "tokens", 2, 3, extra).spread(weights)
    assert torch.equal(tokens[:, extra:, 0], weights.flatten(1))
    assert tokens[:, :extra].eq(1).all()


@pytest.mark.parametrize("build", [AroundAllFeatures, lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 4))])
def test_a_network_without_such_a_place_is_refused_in_one_line(build) -> None:
    with pytest.raises(ClassifierError, match="no module's output alone determines the logits") as error:
        find_cut(build().eval(), images())
    assert "\n" not in str(error.value)
