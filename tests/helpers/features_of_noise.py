"""Random feature maps at strides 4, 8, 16 and 32 of a small network."""

import torch

CHANNELS, CLASSES = (8, 12, 16, 20), 5


def stages(sides=(16, 8, 4, 2), n: int = 2, channels=CHANNELS) -> list[torch.Tensor]:
    """Return n x c x side x side features in [0, 1) for each stage, from a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(n, c, s, s, generator=generator) for c, s in zip(channels, sides, strict=True)]
