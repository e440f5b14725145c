"""The controller of the explainers without training: scaling of each map by its own range."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class MinMax(nn.Module):
    """Scaling of each map to [0, 1] by its own range; a constant map gives zeros."""

    name = "minmax"

    def forward(self, logit_map: Tensor) -> Tensor:
        """Return N x h x w scores in [0, 1] of N x h x w values of any range."""
        low, high = logit_map.amin((-2, -1), keepdim=True), logit_map.amax((-2, -1), keepdim=True)
        return (logit_map - low) / (high - low).clamp_min(torch.finfo(logit_map.dtype).tiny)

    def to_dict(self) -> dict[str, Any]:
        """Return the controller's entry in the manifest."""
        return {"name": self.name}
