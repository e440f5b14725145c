"""Examination of a network's outputs: logits or probabilities, of exclusive classes or of independent labels."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from whyframe_training.classifiers.errors import ClassifierError
from whyframe_training.classifiers.first_pass import first_pass
from whyframe_training.classifiers.last_operations import LastOperations, last_operations
from whyframe_training.classifiers.outputs import LogitAdapter, Outputs, to_tensor
from whyframe_training.classifiers.specification import ACTIVATIONS

__all__ = ["SOFTMAX_ASSUMED", "AdaptedNetwork", "adapt_outputs"]

SUM_TOLERANCE = 1e-3
"""Largest deviation from 1 of the sum of float32 probabilities."""

NEGATIVE_MEAN = -2.0
"""Mean logit below which a network looks as if it was trained for independent labels, which are mostly absent."""

SOFTMAX_ASSUMED = "softmax is assumed: pass --activation sigmoid if they are independent labels"
"""What is said of logits whose meaning the network does not tell."""

_CHOOSE = (
    "pass --activation softmax if they are logits of exclusive classes, sigmoid if they are logits of independent "
    "labels, or none if they are probabilities of independent labels"
)


class AdaptedNetwork(NamedTuple):
    """A network that gives logits.

    Attributes:
        module: The network itself where it returns an N x classes tensor of logits, else a `LogitAdapter`.
        outputs: Meaning of the network's own outputs.
        note: Description of what the outputs are taken for, and why; for people to read.
    """

    module: nn.Module
    outputs: Outputs
    note: str


def adapt_outputs(network: nn.Module, name: str, images: Tensor, activation: str = "auto") -> AdaptedNetwork:
    """Find out what a network's outputs mean, and return a network that gives logits.

    Args:
        network: Network from normalised images to its own outputs, in eval mode.
        name: Name of the network for messages.
        images: N x C x H x W normalised images to examine the outputs on, with photographs among them.
        activation: What turns the outputs into probabilities: ``"softmax"``; ``"sigmoid"``, where several outputs are
            independent labels; ``"none"`` where they are probabilities already; or ``"auto"`` to examine them.

    Raises:
        ClassifierError: The network cannot process such images, its outputs have no known form or do not fit the
            activation, or their meaning cannot be determined.
    """
    if activation not in ACTIVATIONS:
        raise ClassifierError(f"there is no activation {activation!r}: choose {', '.join(ACTIVATIONS)}")
    raw = first_pass(network, images, name)
    found = _Examination(network, name, images, to_tensor(raw))
    outputs, reason = found.meaning() if activation == "auto" else (found.stated(activation), "")
    plain = isinstance(raw, Tensor) and raw.ndim == 2 and not (outputs.are_probabilities or outputs.single)
    note = f"{outputs.value} ({reason})" if reason else outputs.value
    return AdaptedNetwork(network if plain else LogitAdapter(network, outputs), outputs, note)


class _Examination:
    """Outputs of a network on some images.

    Args:
        network: The network, in eval mode.
        name: Name of the network for messages.
        images: N x C x H x W normalised images.
        values: N x classes outputs.
    """

    def __init__(self, network: nn.Module, name: str, images: Tensor, values: Tensor) -> None:
        self.network, self.name, self.images, self.values = network, name, images, values.double()
        self.single = values.shape[1] == 1
        if bool(self.values.isnan().any() | self.values.isposinf().any()):
            raise ClassifierError(
                f"{name} returns values that are not numbers on photographs: check its weights and its normalisation"
            )

    def meaning(self) -> tuple[Outputs, str]:
        """Return the meaning of the outputs and the reason, where they can be determined."""
        if _problem_type(self.network) == "regression":
            raise ClassifierError(
                f"the configuration of {self.name} says regression: whyframe explains classes; pass --activation "
                "softmax or sigmoid if its outputs are logits"
            )
        if self.in_unit_range():
            return self._in_unit_range()
        if self.single:
            return Outputs.single_logit, ""
        if _sums_to_one(self.values.exp()):
            return Outputs.log_probabilities, ""
        if self.last().log_sigmoid:
            raise ClassifierError(
                f"{self.name} ends in a log-sigmoid: return the logits before it, and pass --activation sigmoid"
            )
        return self._logits()

    def stated(self, activation: str) -> Outputs:
        """Return the meaning that an activation gives to the outputs, after a check that it can be right."""
        if activation == "none":
            return self._none()
        if activation == "softmax" and self.single:
            raise ClassifierError(
                f"{self.name} has a single output, of which softmax is always 1: pass --activation sigmoid"
            )
        if not self.single and self.in_unit_range() and _sums_to_one(self.values):
            raise ClassifierError(
                f"the outputs of {self.name} are probabilities already, whose sum is 1: pass --activation none"
            )
        if activation == "sigmoid" and self.in_unit_range() and self.last().sigmoid:
            raise ClassifierError(f"{self.name} ends in a sigmoid already: pass --activation none")
        if activation == "sigmoid" and not self.single and _sums_to_one(self.values.exp()):
            raise ClassifierError(
                f"the outputs of {self.name} are logarithms of probabilities: pass --activation softmax"
            )
        if activation == "softmax":
            return Outputs.logits
        return Outputs.single_logit if self.single else Outputs.independent_logits

    def in_unit_range(self) -> bool:
        """Return whether all outputs lie in [0, 1]."""
        return bool(((self.values >= 0) & (self.values <= 1)).all())

    def last(self) -> LastOperations:
        """Return the operations that gave the outputs."""
        return last_operations(self.network, self.images[:1])

    def _in_unit_range(self) -> tuple[Outputs, str]:
        """Return the meaning of outputs that all lie in [0, 1]."""
        if not self.single and _sums_to_one(self.values):
            return Outputs.probabilities, ""
        last = self.last()
        if last.sigmoid:
            found = Outputs.single_probability if self.single else Outputs.independent_probabilities
            return found, "the network ends in a sigmoid"
        if last.linear:
            return (Outputs.single_logit, "") if self.single else self._logits()
        if self.single:
            raise ClassifierError(
                f"the single output of {self.name} lies in [0, 1] on photographs: pass --activation none if it is a "
                "probability, or --activation sigmoid if it is a logit"
            )
        raise ClassifierError(
            f"all outputs of {self.name} lie in [0, 1] on photographs, and their sum is not 1: {_CHOOSE}"
        )

    def _logits(self) -> tuple[Outputs, str]:
        """Return whether logits are those of exclusive classes or of independent labels."""
        problem = _problem_type(self.network)
        if problem == "multi_label_classification":
            return Outputs.independent_logits, f"the network's configuration says {problem}"
        if problem == "single_label_classification":
            return Outputs.logits, f"the network's configuration says {problem}"
        if _mostly_absent(self.values):
            raise ClassifierError(
                f"the logits of {self.name} are nearly all negative on photographs, as those of independent labels "
                "are: pass --activation sigmoid if several labels can be present at once, softmax if classes exclude "
                "each other"
            )
        return Outputs.logits, SOFTMAX_ASSUMED

    def _none(self) -> Outputs:
        """Return the meaning of outputs that are stated to need no activation."""
        if self.in_unit_range():
            if self.single:
                return Outputs.single_probability
            exclusive = _sums_to_one(self.values)
            return Outputs.probabilities if exclusive else Outputs.independent_probabilities
        if not self.single and _sums_to_one(self.values.exp()):
            return Outputs.log_probabilities
        raise ClassifierError(
            f"the outputs of {self.name} are not probabilities, they lie in [{float(self.values.min()):.3g}, "
            f"{float(self.values.max()):.3g}]: pass --activation softmax or sigmoid"
        )


def _problem_type(network: nn.Module) -> str | None:
    """Return the kind of task in the configuration of a Hugging Face model; None where there is none."""
    configs = (getattr(module, "config", None) for module in network.modules())
    found = (getattr(config, "problem_type", None) for config in configs)
    return next((kind for kind in found if isinstance(kind, str)), None)


def _mostly_absent(logits: Tensor) -> bool:
    """Return whether logits look like those of many independent labels of which few are present.

    Softmax does not depend on the mean of the logits, and training for exclusive classes leaves it near 0. Training for
    independent labels makes the logit of each absent label negative.
    """
    if logits.shape[1] < 3:
        return False
    negative = float((logits.mean(dim=0) < NEGATIVE_MEAN / 2).double().mean())
    return negative >= 0.9 and float(logits.mean(dim=1).max()) <= NEGATIVE_MEAN


def _sums_to_one(values: Tensor) -> bool:
    return float((values.sum(dim=1) - 1).abs().max()) <= SUM_TOLERANCE
