"""What a network's outputs mean, and their conversion to the logits that whyframe works with.

The logits are those of exclusive classes, of which softmax gives the probabilities, or those of independent labels
(multi-label), of which sigmoid gives the probability of each label. Networks whose last layer is a softmax or a
sigmoid, or which return a dict, a tuple or N x C x 1 x 1 maps, are wrapped, so that the probabilities stay those of
the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn

from whyframe_training.classifiers.errors import ClassifierError

__all__ = ["LogitAdapter", "Outputs", "to_probabilities", "to_tensor"]

LOGIT_KEYS = ("logits", "out", "output", "scores", "probabilities", "probs", "preds", "predictions")
"""Keys of a dict of outputs that hold one value for each class, in the order in which they are looked up."""


class Outputs(str, Enum):
    """Meaning of a network's outputs; the value is its description."""

    logits = "logits of exclusive classes; their softmax is reported"
    log_probabilities = "logarithms of probabilities; the probabilities are reported"
    probabilities = "probabilities whose sum is 1; they are reported as they are"
    single_logit = "a single logit; its sigmoid is reported as the probability of the second class"
    single_probability = "a single probability; it is reported as that of the second class"
    independent_logits = "logits of independent labels (multi-label); the sigmoid of each is reported"
    independent_probabilities = (
        "probabilities of independent labels (multi-label); they are reported as they are"
    )

    @property
    def exclusive(self) -> bool:
        """Whether the classes exclude each other; False for independent labels."""
        return self not in (Outputs.independent_logits, Outputs.independent_probabilities)

    @property
    def single(self) -> bool:
        """Whether the network has a single output, which becomes two classes."""
        return self in (Outputs.single_logit, Outputs.single_probability)

    @property
    def are_probabilities(self) -> bool:
        """Whether the outputs are probabilities already."""
        return self.activation == "none"

    @property
    def activation(self) -> str:
        """Function that gives the probabilities: ``"softmax"``, ``"sigmoid"`` or ``"none"``."""
        if self in (Outputs.logits, Outputs.log_probabilities):
            return "softmax"
        return "sigmoid" if self in (Outputs.single_logit, Outputs.independent_logits) else "none"


class LogitAdapter(nn.Module):
    """A network whose outputs are converted to logits.

    Probabilities p of exclusive classes become `log p`, of which softmax gives p again; those of independent labels
    become `log p - log (1 - p)`, of which sigmoid gives p again. A single logit x becomes the two logits `-x / 2` and
    `x / 2`, of which softmax gives `1 - sigmoid(x)` and `sigmoid(x)`.

    Args:
        network: Network from N x C x H x W normalised images to its own outputs.
        outputs: Meaning of these outputs.
    """

    def __init__(self, network: nn.Module, outputs: Outputs) -> None:
        super().__init__()
        self.network, self.outputs = network, outputs

    def forward(self, images: Tensor) -> Tensor:
        """Return the N x classes logits of N x C x H x W normalised images."""
        return self.convert(to_tensor(self.network(images)))

    def convert(self, values: Tensor) -> Tensor:
        """Return the N x classes logits of the network's own outputs, see `to_tensor`."""
        if self.outputs is Outputs.probabilities:
            return _log(values)
        if self.outputs is Outputs.independent_probabilities:
            return _log(values) - _log(1 - values)
        if self.outputs is Outputs.single_probability:
            return _two_classes(_log(values) - _log(1 - values))
        return _two_classes(values) if self.outputs is Outputs.single_logit else values


def to_tensor(raw: Any) -> Tensor:
    """Return the N x classes tensor in a network's outputs.

    Args:
        raw: A tensor N x C, N x C x 1 x 1 or N; a dict, a `ModelOutput` of Hugging Face or another object with logits;
            or a tuple or list whose first entry is such a tensor.

    Raises:
        ClassifierError: There is no such tensor.
    """
    if isinstance(raw, Tensor):
        return _matrix(raw)
    if isinstance(raw, Mapping):
        return to_tensor(_entry(raw))
    if getattr(raw, "logits", None) is not None:
        return to_tensor(raw.logits)
    if isinstance(raw, (tuple, list)) and raw:
        return to_tensor(raw[0])
    raise ClassifierError(f"the network returns {type(raw).__name__}: return N x classes logits")


def to_probabilities(raw: Any, outputs: Outputs) -> Tensor:
    """Return the N x classes probabilities that a network's outputs mean, as its user would compute them.

    Args:
        raw: Outputs of the network itself, see `to_tensor`.
        outputs: Their meaning.
    """
    values = to_tensor(raw)
    if outputs is Outputs.logits:
        return values.softmax(dim=1)
    if outputs is Outputs.log_probabilities:
        return values.exp()
    given = values if outputs.are_probabilities else values.sigmoid()
    return torch.cat((1 - given, given), dim=1) if outputs.single else given


def _entry(raw: Mapping[Any, Any]) -> Any:
    """Return the entry of a dict of outputs that holds the logits."""
    found = next((raw[key] for key in LOGIT_KEYS if raw.get(key) is not None), None)
    if found is None and len(raw) == 1:
        found = next(iter(raw.values()))
    if found is None:
        raise ClassifierError(
            f"the network returns a dict with {', '.join(map(str, raw))}: name its logits 'logits'"
        )
    return found


def _matrix(values: Tensor) -> Tensor:
    if not values.is_floating_point():
        kind = str(values.dtype).removeprefix("torch.")
        raise ClassifierError(f"the network returns {kind} numbers: return N x classes logits, in float32")
    if values.ndim == 4 and values.shape[2:] == (1, 1):
        return values.flatten(1)
    if values.ndim == 1:  # a single output whose axis was squeezed
        return values[:, None]
    if values.ndim != 2:
        raise ClassifierError(
            f"the network returns a tensor of shape {tuple(values.shape)}: return N x classes logits"
        )
    return values


def _log(probabilities: Tensor) -> Tensor:
    return probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()


def _two_classes(logit: Tensor) -> Tensor:
    return torch.cat((-logit / 2, logit / 2), dim=1)
