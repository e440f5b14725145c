"""Distribution controllers: instance normalisation followed by a monotonic transformer (section 3.2.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from whyframe_training import operators
from whyframe_training.functional import EPSILON, instance_normalise, rectify, skew, to_peak


class BasicTransformer(nn.Module):
    """BT: `ReLU(z) / max ReLU(z)` (Eq. 6, scaled so that a mask stays in [0, 1]); a constant map gives zeros."""

    name = "bt"

    def forward(self, logit_map: Tensor) -> Tensor:
        """N x h x w logits to N x h x w scores in [0, 1], float32."""
        if operators.supports(logit_map):
            return operators.controller(logit_map, self.name, 0.0, 0.0, None, None, EPSILON)
        return rectify(instance_normalise(logit_map))

    def spread(self, logit_map: Tensor, factor: float, noise: torch.Generator) -> Tensor:  # noqa: ARG002
        """`forward`: BT has no parameter that could be drawn."""
        return self(logit_map)

    def to_dict(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"name": self.name}


class CustomizedTransformer(nn.Module):
    """CT: `sigmoid(eta z) ** h` (Eq. 7).

    Args:
        eta: 1.5 makes standard normal scores nearly uniform.
        h: skews them; above 1 to the right (most scores low, a light tail of high ones).
    """

    name = "ct"

    def __init__(self, eta: float = 1.5, h: float = 2.5) -> None:
        super().__init__()
        if not (eta > 0 and h > 0):
            raise ValueError(f"CT needs eta > 0 and h > 0 to be monotonic, got eta={eta}, h={h}")
        self.eta, self.h = float(eta), float(h)

    def forward(self, logit_map: Tensor) -> Tensor:
        """N x h x w logits to N x h x w scores in (0, 1), float32. A constant map gives 2**-h everywhere."""
        return _skew(logit_map, self.eta, self.h)

    def spread(self, logit_map: Tensor, factor: float, noise: torch.Generator) -> Tensor:
        """The scores under a distribution of each map's own, for training.

        With eta and h fixed, the order of low scores hardly enters the loss. Drawn anew for every map, eta from
        [eta, eta * sqrt(factor)] and h from [h / factor, h * factor] (evenly in their logarithms), the mask keeps
        a few pixels as often as most of them, and the whole ranking is learned.

        Args:
            logit_map: N x h x w.
            factor: 1 is `forward`.
            noise: a CPU generator.

        Returns:
            N x h x w, float32.
        """
        steeper = torch.rand(len(logit_map), 1, 1, generator=noise) / 2
        skewer = 2 * torch.rand(len(logit_map), 1, 1, generator=noise) - 1
        return _skew(
            logit_map, (self.eta * factor**steeper).to(logit_map), (self.h * factor**skewer).to(logit_map)
        )

    def to_dict(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"name": self.name, "eta": self.eta, "h": self.h}


class Sigmoid(nn.Module):
    """MGnet's: `sigmoid(x)`, without normalisation. Each score goes where the objective's terms drive it."""

    name = "sigmoid"

    def forward(self, logit_map: Tensor) -> Tensor:
        """N x h x w logits to N x h x w scores in (0, 1), float32."""
        return torch.sigmoid(logit_map if logit_map.dtype == torch.float64 else logit_map.float())

    def spread(self, logit_map: Tensor, factor: float, noise: torch.Generator) -> Tensor:  # noqa: ARG002
        """`forward`: there is no parameter that could be drawn."""
        return self(logit_map)

    def to_dict(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"name": self.name}


class Square(nn.Module):
    """Fig. 2(c)'s warning: `z ** 2`, scaled to reach 1. Not monotonic: the least relevant scores high, too."""

    name = "square"

    def forward(self, logit_map: Tensor) -> Tensor:
        """N x h x w logits to N x h x w scores in [0, 1], float32; a constant map gives zeros."""
        return to_peak(instance_normalise(logit_map).square())

    def spread(self, logit_map: Tensor, factor: float, noise: torch.Generator) -> Tensor:  # noqa: ARG002
        """`forward`: there is no parameter that could be drawn."""
        return self(logit_map)

    def to_dict(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"name": self.name}


def _skew(logit_map: Tensor, eta: Tensor | float, h: Tensor | float) -> Tensor:
    if not operators.supports(logit_map):
        return skew(instance_normalise(logit_map), eta, h)
    if isinstance(eta, Tensor) and isinstance(h, Tensor):
        return operators.controller(logit_map, "ct", 0.0, 0.0, eta.float(), h.float(), EPSILON)
    return operators.controller(logit_map, "ct", eta, h, None, None, EPSILON)


Controller = BasicTransformer | CustomizedTransformer | Sigmoid | Square
_PLAIN: dict[str, type[BasicTransformer | Sigmoid | Square]] = {
    one.name: one for one in (BasicTransformer, Sigmoid, Square)
}


def build_controller(spec: Mapping[str, Any]) -> Controller:
    """The controller that `to_dict` describes, e.g. `{"name": "ct", "eta": 1.5, "h": 2.5}`."""
    if spec["name"] == "ct":
        return CustomizedTransformer(spec.get("eta", 1.5), spec.get("h", 2.5))
    if spec["name"] not in _PLAIN:
        raise ValueError(f"unknown controller {spec['name']!r}: choose ct, {', '.join(_PLAIN)}")
    return _PLAIN[spec["name"]]()


def ct_density(score: Tensor, eta: float = 1.5, h: float = 2.5) -> Tensor:
    """Eq. 13: the density on (0, 1) of CT's scores when its normalised logits are standard normal.

    Args:
        score: any shape, values in (0, 1).
        eta: CT's eta.
        h: CT's h.

    Returns:
        p(score), of the same shape and dtype.
    """
    root = score ** (1 / h)
    logit = torch.log1p(-root) - torch.log(root)
    jacobian = score * (1 - root)
    return torch.exp(-logit.square() / (2 * eta**2)) / (math.sqrt(2 * math.pi) * h * eta * jacobian)
