"""The weights of a classifier that learns: where they start from, and as the network's own file has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from whyframe.files import atomic_write
from whyframe_training.classifiers.classifier import build_classifier
from whyframe_training.classifiers.folding import norm_pairs
from whyframe_training.classifiers.networks import ClassifierError, ClassifierSpec

State = dict[str, Tensor]


def starting_network(
    start: ClassifierSpec, labels: tuple[str, ...], labels_file: Path, seed: int
) -> nn.Module:
    """A network for these classes with the weights of another classifier, its batch norms in place.

    The last linear layer is new, drawn from the seed, unless the other classifier has the same labels.

    Args:
        start: the classifier to start from.
        labels: the classes.
        labels_file: that holds them, one a line.
        seed: of the new layer.

    Raises:
        ClassifierError: `start` cannot be built, is a network of the user's with another number of classes, or has no
            linear layer.
    """
    known = build_classifier(start, fold=False)
    if ":" in start.name and len(known.labels) != len(labels):
        raise ClassifierError(
            f"{start.name} makes a network of {len(known.labels)} classes, the photographs have {len(labels)}: "
            "let it make one of as many"
        )
    random = replace(start, weights="random", labels=str(labels_file))
    network = build_classifier(random, fold=False).module
    own = network.state_dict()
    fitting = {k: v for k, v in known.module.state_dict().items() if k in own and v.shape == own[k].shape}
    network.load_state_dict(fitting, strict=False)
    if known.labels != labels:
        torch.manual_seed(seed)
        last_linear(network).reset_parameters()
    return network


def last_linear(network: nn.Module) -> nn.Linear:
    """The linear layer that is defined last.

    Raises:
        ClassifierError: there is none.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise ClassifierError(
            "the classifier has no linear layer, which a joint run trains first: choose one that ends in one"
        )
    return layers[-1]


def unfolded(network: nn.Module, folded: nn.Module, side: int) -> State:
    """The weights of a folded network under the names of the network that it was folded from.

    A batch norm that was folded away keeps its bias alone: unit variance, unit weight, and the bias as a mean. That
    needs no division by a weight that may be 0, and folding it again gives the same convolution.

    Args:
        network: with its batch norms; only names and shapes are read.
        folded: what `fold_batch_norms` made of it, trained since.
        side: S.

    Returns:
        A state dict that fits `network`, on the CPU.
    """
    trained = folded.state_dict()
    state = {key: trained.get(key, value) for key, value in network.state_dict().items()}
    for norm_name, conv_name in _folded_pairs(network, folded, side):
        bias = trained[f"{conv_name}.bias"]
        norm = network.get_submodule(norm_name)
        assert isinstance(norm, nn.BatchNorm2d)
        own = {
            "running_mean": -bias,
            "running_var": torch.full_like(bias, 1 - norm.eps),
            "weight": torch.ones_like(bias),
            "bias": torch.zeros_like(bias),
        }
        state |= {f"{norm_name}.{key}": value for key, value in own.items() if f"{norm_name}.{key}" in state}
        if f"{conv_name}.bias" in state:
            state[f"{conv_name}.bias"] = torch.zeros_like(bias)
    return {key: value.detach().cpu().contiguous() for key, value in state.items()}


def save_weights(state: State, path: Path) -> None:
    """Writes a state dict as `.safetensors`."""
    atomic_write(path, save(state))


def _folded_pairs(network: nn.Module, folded: nn.Module, side: int) -> list[tuple[str, str]]:
    """(batch norm, convolution) names of those that are folded away."""
    identities = {name for name, module in folded.named_modules() if isinstance(module, nn.Identity)}
    return [pair for pair in norm_pairs(network, side) if pair[0] in identities]
