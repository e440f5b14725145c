"""What a network's outputs mean, and their conversion to logits of exclusive classes.

whyframe works with logits whose softmax gives the class probabilities. Networks whose last layer is a softmax or a
sigmoid, or which return a dict, a tuple or N x C x 1 x 1 maps, are wrapped, so that the probabilities stay those of the
network.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn

from whyframe.errors import one_line
from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.networks import ACTIVATIONS, ClassifierError

__all__ = ["LogitAdapter", "Outputs", "adapt_outputs", "to_probabilities", "to_tensor"]

PROBES = 8
"""Number of images of noise on which the outputs are examined."""

SUM_TOLERANCE = 1e-3
"""Largest deviation from 1 of the sum of float32 probabilities."""

LOGIT_KEYS = ("logits", "out", "output", "scores")
"""Keys of a dict of outputs that hold the logits, in the order in which they are looked up."""


class Outputs(str, Enum):
    """Meaning of a network's outputs; the value is its description."""

    logits = "logits, of which softmax gives the probabilities"
    log_probabilities = "logarithms of probabilities"
    probabilities = "probabilities, whose sum is 1"
    single_logit = "a single logit, of which sigmoid gives the probability of the second class"
    single_probability = "a single probability, of the second class"


class LogitAdapter(nn.Module):
    """A network whose outputs are converted to logits of exclusive classes.

    Probabilities p become `log p`, of which softmax gives p again. A single logit x becomes the two logits `-x / 2` and
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
        values = to_tensor(self.network(images))
        if self.outputs is Outputs.probabilities:
            return _log(values)
        if self.outputs is Outputs.single_probability:
            return _two_classes(_log(values) - _log(1 - values))
        if self.outputs is Outputs.single_logit:
            return _two_classes(values)
        return values


def adapt_outputs(
    network: nn.Module, name: str, spec: InputSpec, activation: str = "auto"
) -> tuple[nn.Module, Outputs]:
    """Return a network that gives logits of exclusive classes, and the meaning of the original outputs.

    Args:
        network: Network from N x C x H x W normalised images to its own outputs, in eval mode.
        name: Name of the network for messages.
        spec: The network's input.
        activation: What turns the outputs into probabilities: ``"softmax"``, ``"sigmoid"`` (one output only),
            ``"none"`` where they are probabilities already, or ``"auto"`` to examine them on noise.

    Returns:
        The network itself where it returns an N x classes tensor of logits, else a `LogitAdapter`; and the meaning.

    Raises:
        ClassifierError: The network cannot process such images, its outputs have no known form or do not fit the
            activation, or their meaning cannot be determined.
    """
    if activation not in ACTIVATIONS:
        raise ClassifierError(f"there is no activation {activation!r}: choose {', '.join(ACTIVATIONS)}")
    raw = _probe(network, name, spec)
    values = to_tensor(raw)
    outputs = _meaning(values, name) if activation == "auto" else _stated(values, name, activation)
    plain = (
        isinstance(raw, Tensor) and raw.ndim == 2 and outputs in (Outputs.logits, Outputs.log_probabilities)
    )
    return (network if plain else LogitAdapter(network, outputs)), outputs


def to_tensor(raw: Any) -> Tensor:
    """Return the N x classes tensor in a network's outputs.

    Args:
        raw: A tensor N x C or N x C x 1 x 1; a dict or a `ModelOutput` of Hugging Face with logits; or a tuple or list
            whose first entry is such a tensor.

    Raises:
        ClassifierError: There is no such tensor.
    """
    if isinstance(raw, Mapping):
        found = next((raw[key] for key in LOGIT_KEYS if raw.get(key) is not None), None)
        if found is None:
            raise ClassifierError(
                f"the network returns a dict with {', '.join(map(str, raw))}: name its logits 'logits'"
            )
        return to_tensor(found)
    if isinstance(raw, (tuple, list)) and raw:
        return to_tensor(raw[0])
    if isinstance(raw, Tensor) and raw.ndim == 4 and raw.shape[2:] == (1, 1):
        return raw.flatten(1)
    if isinstance(raw, Tensor) and raw.ndim == 2:
        return raw
    form = f"a tensor of shape {tuple(raw.shape)}" if isinstance(raw, Tensor) else type(raw).__name__
    raise ClassifierError(f"the network returns {form}: return N x classes logits")


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
    if outputs is Outputs.probabilities:
        return values
    positive = values.sigmoid() if outputs is Outputs.single_logit else values
    return torch.cat((1 - positive, positive), dim=1)


def _probe(network: nn.Module, name: str, spec: InputSpec) -> Any:
    shape = (spec.channels, spec.height, spec.width)
    noise = torch.randn(PROBES, *shape, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            return network(noise)
    except ClassifierError:
        raise
    except Exception as error:  # whatever a network of a user raises
        raise ClassifierError(
            f"{name} cannot process N x {' x '.join(map(str, shape))} images "
            f"({type(error).__name__}: {one_line(error)}): "
            "pass --side and --channels as the network needs them, or adapt the network"
        ) from error


def _meaning(values: Tensor, name: str) -> Outputs:
    """Return the meaning of outputs on noise, where it can be determined."""
    wide = values.double()
    in_unit_range = bool(((wide >= 0) & (wide <= 1)).all())
    if values.shape[1] == 1:
        if in_unit_range:
            raise ClassifierError(
                f"the single output of {name} lies in [0, 1] on noise: pass --activation none if it is a "
                "probability, or --activation sigmoid if it is a logit"
            )
        return Outputs.single_logit
    if in_unit_range:
        if _sums_to_one(wide):
            return Outputs.probabilities
        raise ClassifierError(
            f"all outputs of {name} lie in [0, 1] on noise, and their sum is not 1: pass --activation softmax if they "
            "are logits; independent probabilities of several labels are not supported yet"
        )
    return Outputs.log_probabilities if _sums_to_one(wide.exp()) else Outputs.logits


def _stated(values: Tensor, name: str, activation: str) -> Outputs:
    """Return the meaning that an activation gives to outputs."""
    single = values.shape[1] == 1
    if activation == "sigmoid" and not single:
        raise ClassifierError(
            f"{name} has {values.shape[1]} outputs: --activation sigmoid takes a network with a single output; "
            "independent labels are not supported yet"
        )
    if activation == "softmax" and single:
        raise ClassifierError(
            f"{name} has a single output, of which softmax is always 1: pass --activation sigmoid"
        )
    if activation == "none" and not _are_probabilities(values.double(), single=single):
        raise ClassifierError(
            f"the outputs of {name} are not probabilities whose sum is 1: pass --activation softmax or sigmoid"
        )
    if single:
        return Outputs.single_probability if activation == "none" else Outputs.single_logit
    return Outputs.probabilities if activation == "none" else Outputs.logits


def _are_probabilities(values: Tensor, *, single: bool) -> bool:
    return bool(((values >= 0) & (values <= 1)).all()) and (single or _sums_to_one(values))


def _sums_to_one(values: Tensor) -> bool:
    return float((values.sum(dim=1) - 1).abs().max()) <= SUM_TOLERANCE


def _log(probabilities: Tensor) -> Tensor:
    return probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()


def _two_classes(logit: Tensor) -> Tensor:
    return torch.cat((-logit / 2, logit / 2), dim=1)
