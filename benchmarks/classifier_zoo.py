"""Networks of a user's own for the table of classifiers: small, grey, 4-channel, multi-label, and of unusual outputs.

Each function returns a new network with random weights, drawn from a fixed seed; `classifiers.py` calibrates them.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

CLASSES = 10


def small_cnn(channels: int = 3, classes: int = CLASSES, blocks: int = 4) -> nn.Sequential:
    """Return a plain CNN that halves its input `blocks` times, with pooling and a linear layer at the end."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    inputs = channels
    for width in (16, 32, 48, 64, 96)[:blocks]:
        layers += [
            nn.Conv2d(inputs, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def cifar() -> nn.Module:
    """Return a ResNet-like network for 32 x 32 images."""
    return small_cnn(blocks=3)


class _Lenet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 8, 5), nn.Conv2d(8, 16, 5)
        self.hidden, self.out = nn.Linear(16 * 4 * 4, 64), nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(self.first(x).relu(), 2)
        x = nn.functional.max_pool2d(self.second(x).relu(), 2)
        return self.out(self.hidden(x.flatten(1)).relu())


def mnist() -> nn.Module:
    """Return a LeNet for 28 x 28 grey images, without padding and with hidden linear layers."""
    torch.manual_seed(0)
    return _Lenet()


def grey() -> nn.Module:
    """Return a network of 1 input channel."""
    return small_cnn(channels=1)


def four_channels() -> nn.Module:
    """Return a network of 4 input channels, RGB and alpha."""
    return small_cnn(channels=4)


def rectangular() -> nn.Module:
    """Return a network for inputs that are not square."""
    return small_cnn(blocks=5)


def single_logit() -> nn.Module:
    """Return a binary classifier with one logit."""
    return small_cnn(classes=1)


def single_probability() -> nn.Module:
    """Return a binary classifier with one probability."""
    return nn.Sequential(small_cnn(classes=1), nn.Sigmoid())


def multi_label() -> nn.Module:
    """Return a multi-label classifier whose outputs are logits."""
    return small_cnn()


def multi_label_probabilities() -> nn.Module:
    """Return a multi-label classifier that ends in a sigmoid."""
    return nn.Sequential(small_cnn(), nn.Sigmoid())


def softmax_inside() -> nn.Module:
    """Return a classifier that ends in a softmax."""
    return nn.Sequential(small_cnn(), nn.Softmax(dim=1))


def log_softmax_inside() -> nn.Module:
    """Return a classifier that ends in a log-softmax."""
    return nn.Sequential(small_cnn(), nn.LogSoftmax(dim=1))


class _Dict(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = small_cnn()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return OrderedDict(logits=self.network(x))


def dict_outputs() -> nn.Module:
    """Return a classifier that returns a dict."""
    return _Dict()


class _Maps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = small_cnn()[:-2]
        self.head = nn.Conv2d(64, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def map_outputs() -> nn.Module:
    """Return a classifier of outputs N x C x 1 x 1."""
    return _Maps()


def dilated() -> nn.Module:
    """Return a network whose deeper layers are dilated, so that its stride stays 8."""
    torch.manual_seed(0)
    body = small_cnn(blocks=3)[:-3]
    more = [
        nn.Conv2d(48, 64, 3, padding=2, dilation=2),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=4, dilation=4),
        nn.ReLU(),
    ]
    return nn.Sequential(*body, *more, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES))


def _huggingface(kind: str) -> nn.Module:
    import transformers

    torch.manual_seed(0)
    config, model = f"{kind}Config", f"{kind}ForImageClassification"
    return getattr(transformers, model)(getattr(transformers, config)(**_HF_SIZES[kind], num_labels=CLASSES))  # type: ignore[no-any-return]


_HF_SIZES: dict[str, dict[str, Any]] = {
    "ViT": {
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "image_size": 96,
    },
    "ResNet": {
        "embedding_size": 16,
        "hidden_sizes": [16, 32, 64, 96],
        "depths": [1, 1, 1, 1],
        "layer_type": "basic",
    },
    "ConvNext": {"hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 2, 1], "image_size": 96},
    "Swin": {
        "image_size": 112,
        "embed_dim": 24,
        "depths": [2, 2, 2],
        "num_heads": [2, 4, 8],
        "window_size": 7,
    },
}


def hf_vit() -> nn.Module:
    """Return a small ViT of Hugging Face."""
    return _huggingface("ViT")


def hf_resnet() -> nn.Module:
    """Return a small ResNet of Hugging Face."""
    return _huggingface("ResNet")


def hf_convnext() -> nn.Module:
    """Return a small ConvNeXt of Hugging Face."""
    return _huggingface("ConvNext")


def hf_swin() -> nn.Module:
    """Return a small Swin transformer of Hugging Face."""
    return _huggingface("Swin")
