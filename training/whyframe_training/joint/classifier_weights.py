"""Weights of a classifier that is trained: their start, and their form in a weights file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from whyframe.files import atomic_write
from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import build_classifier
from whyframe_training.classifiers.folding import norm_pairs
from whyframe_training.classifiers.networks import ClassifierError, ClassifierSpec

State = dict[str, Tensor]


def starting_network(
    start: ClassifierSpec, labels: tuple[str, ...], labels_file: Path, seed: int
) -> nn.Module:
    """Build a network for the given classes with the weights of another classifier, its batch norms not folded.

    The last linear layer is drawn from the seed, unless the other classifier has the same labels.

    Args:
        start: Classifier to start from.
        labels: Labels of the classes.
        labels_file: Text file with the labels, one per line.
        seed: Seed of the new layer.

    Raises:
        ClassifierError: `start` cannot be built, is a network of the user's with another number of classes, or has no
            linear layer.
    """
    known = build_classifier(start, fold=False)
    if ":" in start.name and len(known.labels) != len(labels):
        raise ClassifierError(
            f"{start.name} makes a network of {len(known.labels)} classes, but the images have {len(labels)}: "
            f"let the function return a network of {len(labels)} classes"
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
    """Return the linear layer that is defined last.

    Raises:
        ClassifierError: There is none.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise ClassifierError(
            "the classifier has no linear layer, which a joint run trains first: choose a classifier that ends in one"
        )
    return layers[-1]


def unfold_batch_norms(network: nn.Module, folded: nn.Module, spec: InputSpec) -> State:
    """Return the weights of a folded network as a state dict of the network that it was folded from.

    A batch norm that was folded away gets unit variance, unit weight, zero bias, and the negated bias of the folded
    convolution as its mean. This needs no division by a weight that may be 0, and folding it again gives the same
    convolution.

    Args:
        network: The network with its batch norms; only names and shapes are read.
        folded: The network that `fold_batch_norms` made of it, possibly trained since.
        spec: The network's input.

    Returns:
        State dict that fits `network`, on the CPU.
    """
    trained = folded.state_dict()
    state = {key: trained.get(key, value) for key, value in network.state_dict().items()}
    for norm_name, conv_name in _folded_pairs(network, folded, spec):
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
    """Write a state dict as a `.safetensors` file."""
    atomic_write(path, save(state))


def _folded_pairs(network: nn.Module, folded: nn.Module, spec: InputSpec) -> list[tuple[str, str]]:
    """Return the (batch norm, convolution) names of the batch norms that were folded away."""
    identities = {name for name, module in folded.named_modules() if isinstance(module, nn.Identity)}
    return [pair for pair in norm_pairs(network, spec) if pair[0] in identities]
