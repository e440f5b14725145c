"""Distribution controllers: instance normalisation and a transformer of the logits (Fu et al. 2022, section 3.2.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from whyframe_training import operators
from whyframe_training.functional import EPSILON, instance_normalise, rectify, skew, to_peak


class _FixedController(nn.Module):
    """A controller without parameters."""

    name: str

    def jitter(self, logit_map: Tensor, factor: float, rng: torch.Generator) -> Tensor:  # noqa: ARG002
        """Return the scores of `forward`: there are no parameters to draw."""
        return self(logit_map)

    def to_dict(self) -> dict[str, Any]:
        """Return the controller's entry in the manifest."""
        return {"name": self.name}


class BasicTransformer(_FixedController):
    """BT, `ReLU(z) / max(ReLU(z))`: Eq. 6, scaled so that masks stay in [0, 1]; a constant map gives zeros."""

    name = "bt"

    def forward(self, logit_map: Tensor) -> Tensor:
        """Return N x h x w scores in [0, 1], float32, of N x h x w logits."""
        if operators.supports(logit_map):
            return operators.controller(logit_map, self.name, 0.0, 0.0, None, None, EPSILON)
        return rectify(instance_normalise(logit_map))


class Sigmoid(_FixedController):
    """`sigmoid(x)` without normalisation, as in MGnet: the distribution of the scores is left to the loss."""

    name = "sigmoid"

    def forward(self, logit_map: Tensor) -> Tensor:
        """Return N x h x w scores in (0, 1), float32, of N x h x w logits."""
        return torch.sigmoid(logit_map if logit_map.dtype == torch.float64 else logit_map.float())


class Square(_FixedController):
    """`z ** 2`, scaled to reach 1: the non-monotonic example of Fig. 2(c), which also scores the lowest logits high."""

    name = "square"

    def forward(self, logit_map: Tensor) -> Tensor:
        """Return N x h x w scores in [0, 1], float32, of N x h x w logits; a constant map gives zeros."""
        return to_peak(instance_normalise(logit_map).square())


class CustomizedTransformer(nn.Module):
    """CT, `sigmoid(eta * z) ** h` (Eq. 7).

    Args:
        eta: Steepness. With 1.5 the scores of standard normal logits are nearly uniform where h is 1.
        h: Skewness. Above 1 the distribution is skewed to the right: most scores are low, and few are high.
    """

    name = "ct"

    def __init__(self, eta: float = 1.5, h: float = 2.5) -> None:
        super().__init__()
        if not (eta > 0 and h > 0):
            raise ValueError(f"CT needs eta > 0 and h > 0 to be monotonic, got eta={eta}, h={h}")
        self.eta, self.h = float(eta), float(h)

    def forward(self, logit_map: Tensor) -> Tensor:
        """Return N x h x w scores in (0, 1), float32, of N x h x w logits; a constant map gives `2 ** -h`."""
        return _skew(logit_map, self.eta, self.h)

    def jitter(self, logit_map: Tensor, factor: float, rng: torch.Generator) -> Tensor:
        """Return the scores under an eta and an h drawn anew for each map; used in training.

        With a fixed eta and h, the order of low scores has little influence on the loss. Here eta is drawn from
        [eta, eta * sqrt(factor)] and h from [h / factor, h * factor], both uniformly in the logarithm, so the mask
        preserves sometimes a few pixels and sometimes most of them, and the complete ranking is learned.

        Args:
            logit_map: N x h x w.
            factor: Range of the parameters, at least 1; 1 gives the scores of `forward`.
            rng: Generator on the CPU.

        Returns:
            N x h x w scores in (0, 1), float32.
        """
        steeper = torch.rand(len(logit_map), 1, 1, generator=rng) / 2
        skewer = 2 * torch.rand(len(logit_map), 1, 1, generator=rng) - 1
        eta, h = self.eta * factor**steeper, self.h * factor**skewer
        return _skew(logit_map, eta.to(logit_map), h.to(logit_map))

    def to_dict(self) -> dict[str, Any]:
        """Return the controller's entry in the manifest."""
        return {"name": self.name, "eta": self.eta, "h": self.h}


def _skew(logit_map: Tensor, eta: Tensor | float, h: Tensor | float) -> Tensor:
    if not operators.supports(logit_map):
        return skew(instance_normalise(logit_map), eta, h)
    if isinstance(eta, Tensor) and isinstance(h, Tensor):
        return operators.controller(logit_map, "ct", 0.0, 0.0, eta.float(), h.float(), EPSILON)
    return operators.controller(logit_map, "ct", eta, h, None, None, EPSILON)


Controller = BasicTransformer | CustomizedTransformer | Sigmoid | Square
_FIXED: dict[str, type[BasicTransformer | Sigmoid | Square]] = {
    controller.name: controller for controller in (BasicTransformer, Sigmoid, Square)
}


def build_controller(spec: Mapping[str, Any]) -> Controller:
    """Build the controller that `to_dict` describes.

    Args:
        spec: `{"name": "ct", "eta": 1.5, "h": 2.5}`, or `{"name": NAME}` with `bt`, `sigmoid` or `square`.

    Raises:
        ValueError: There is no controller of that name, or eta or h is not positive.
    """
    if spec["name"] == "ct":
        return CustomizedTransformer(spec.get("eta", 1.5), spec.get("h", 2.5))
    if spec["name"] not in _FIXED:
        raise ValueError(f"unknown controller {spec['name']!r}: choose ct, {', '.join(_FIXED)}")
    return _FIXED[spec["name"]]()


def ct_density(score: Tensor, eta: float = 1.5, h: float = 2.5) -> Tensor:
    """Return the probability density of CT's scores for standard normal logits (Fu et al. 2022, Eq. 13).

    Args:
        score: Scores in (0, 1), of any shape.
        eta: Steepness of CT.
        h: Skewness of CT.

    Returns:
        Densities, of the shape and dtype of `score`.
    """
    root = score ** (1 / h)
    logit = torch.log1p(-root) - torch.log(root)
    jacobian = score * (1 - root)
    return torch.exp(-logit.square() / (2 * eta**2)) / (math.sqrt(2 * math.pi) * h * eta * jacobian)
