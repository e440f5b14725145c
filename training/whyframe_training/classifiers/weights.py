"""Loading of weights into a network: under other names, and as old versions of torchvision wrote them."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from whyframe_training.classifiers.checkpoints import State, read_states
from whyframe_training.classifiers.errors import ClassifierError, listing

__all__ = ["load_state", "load_weights"]

AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""Names that `torch.compile` and wrappers of modules insert at any depth."""

COUNTERS = ("num_batches_tracked", "total_ops", "total_params")
"""Ends of names of entries that do not affect the outputs in eval mode; either side may lack them."""

_LOG = logging.getLogger("whyframe")


class Fit(NamedTuple):
    """Fit of a state dict to a network.

    Attributes:
        place: Place of the state dict in the file, with the prefix that was stripped.
        state: Entries under the network's names.
        missing: Names of the network that the state dict lacks.
        unexpected: Names of the state dict that the network lacks.
        shapes: One phrase per entry whose shape differs.
        left: Number of entries outside the prefix, which are left out.
    """

    place: str
    state: State
    missing: list[str]
    unexpected: list[str]
    shapes: list[str]
    left: int = 0

    @property
    def errors(self) -> int:
        """Number of names and shapes that do not fit."""
        return len(self.missing) + len(self.unexpected) + len(self.shapes)

    def problem(self) -> str:
        """Return a phrase that says what does not fit."""
        parts = [
            f"{kind}: {listing(names)}"
            for kind, names in (
                ("size mismatch", self.shapes),
                ("missing in the file", self.missing),
                ("unexpected in the file", self.unexpected),
            )
            if names
        ]
        return "; ".join(parts)


def load_weights(module: nn.Module, weights: str, name: str) -> None:
    """Load a weights file, every entry of which has to fit.

    Wrappers such as `state_dict` or `model_ema` are opened, and prefixes such as `module.` or `model.` are stripped,
    where this makes the names fit. Half-precision weights become float32.

    Args:
        module: The network, in float32.
        weights: Path of the file; `FILE#PLACE` selects one of several state dicts in it.
        name: Name of the network for messages.

    Raises:
        ClassifierError: The file cannot be read, nothing or several different things in it fit, or weights are
            quantised or not finite.
    """
    path, place = _split(weights)
    states = read_states(path)
    _check_values(path, states)
    fits = [fit for key, state in states.items() for fit in _fits(module, key, state)]
    if place is not None:
        places = list(dict.fromkeys(fit.place for fit in fits))
        fits = [fit for fit in fits if fit.place == place]
        if not fits:
            raise ClassifierError(f"{path} has no {place!r}: it has {listing([repr(p) for p in places])}")
    fit = _chosen(path, fits, name)
    if fit.left:
        _LOG.warning("%s: %d entries outside %r are not loaded", path, fit.left, fit.place)
    load_state(module, fit.state)


def load_state(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a state dict under the network's own names, every entry of which has to fit.

    Two peculiarities of torchvision's own files are corrected: auxiliary branches are dropped if the network has none,
    and the old names in DenseNet are replaced. A state dict without versions is taken to have those of the network.

    Args:
        module: The network.
        state: The state dict.

    Raises:
        ClassifierError: Some names or shapes do not fit.
    """
    fit = _fit(module, "", state)
    if fit.errors:
        raise ClassifierError(f"the weights do not fit: {fit.problem()}")
    fitting = OrderedDict(fit.state)
    versions = getattr(state, "_metadata", {"": {"version": module._version}})
    fitting._metadata = versions  # type: ignore[attr-defined]
    missing = module.load_state_dict(fitting, strict=False).missing_keys
    assert all(key.endswith(COUNTERS) for key in missing), missing


def _split(weights: str) -> tuple[Path, str | None]:
    if "#" in weights and not Path(weights).exists():
        file, _, place = weights.rpartition("#")
        return Path(file), place
    return Path(weights), None


def _check_values(path: Path, states: Mapping[str, State]) -> None:
    """Refuse quantised weights and weights that are not finite."""
    for state in states.values():
        for key, value in state.items():
            if value.is_quantized or key.endswith((".SCB", ".qweight", ".quant_state", "_packed_params")):
                raise ClassifierError(
                    f"{path} holds quantised weights ({key}): give the float weights that they were made from; the "
                    "exported file can be quantised afterwards"
                )
            if value.is_floating_point() and value.numel() and not bool(torch.isfinite(value.float()).all()):
                raise ClassifierError(
                    f"{path} has values that are not finite in {key}: give the weights of an earlier epoch"
                )


def _fits(module: nn.Module, place: str, state: State) -> list[Fit]:
    """Return the fit of a state dict as it is, and of its parts under each prefix that could fit."""
    found = [_fit(module, place, state)]
    if found[0].errors:
        plain = {WRAPPERS.sub("", key): value for key, value in state.items()}
        if plain.keys() != state.keys():
            found.append(_fit(module, place, plain))
        for prefix in _prefixes(module, plain):
            inside = {key[len(prefix) :]: value for key, value in plain.items() if key.startswith(prefix)}
            fit = _fit(module, ".".join(filter(None, (place, prefix[:-1]))), inside)
            found.append(fit._replace(left=len(plain) - len(inside)))
        found += _added(module, place, plain)
    return found


def _prefixes(module: nn.Module, state: State) -> list[str]:
    """Return the prefixes with which the first name of the network occurs in a state dict, `""` left out."""
    first = next((key for key in module.state_dict() if not key.endswith(COUNTERS)), "")
    ends = f".{first}"
    return [key[: -len(first)] for key in state if first and key.endswith(ends)]


def _added(module: nn.Module, place: str, state: State) -> list[Fit]:
    """Return the fit under the name of the only child of a network that is a wrapper of the user's."""
    starts = {key.partition(".")[0] for key in module.state_dict()}
    if len(starts) != 1:
        return []
    return [_fit(module, place, {f"{next(iter(starts))}.{key}": value for key, value in state.items()})]


def _fit(module: nn.Module, place: str, state: State) -> Fit:
    own = module.state_dict()
    fitting: dict[str, Tensor] = {}
    unexpected = []
    for key, value in state.items():
        name = key if key in own else OLD_DENSENET.sub(r"\1\2", key)
        if name in own:
            fitting[name] = value
        elif not name.startswith(AUXILIARY) and not name.endswith(COUNTERS):
            unexpected.append(key)
    missing = [key for key in own if key not in fitting and not key.endswith(COUNTERS)]
    shapes = [
        f"{key} is {_size(value)} in the file and {_size(own[key])} in the network"
        for key, value in fitting.items()
        if value.shape != own[key].shape
    ]
    return Fit(place, fitting, missing, unexpected, shapes)


def _size(value: Tensor) -> str:
    return " x ".join(map(str, value.shape)) or "a single number"


def _chosen(path: Path, fits: list[Fit], name: str) -> Fit:
    """Return the only fit without errors.

    Raises:
        ClassifierError: None fits, or several with different values do.
    """
    good = [fit for fit in fits if not fit.errors]
    complete = [fit for fit in good if not fit.left] or good
    if not complete:
        nearest = min(fits, key=lambda fit: fit.errors)
        inside = f" ({nearest.place})" if nearest.place else ""
        raise ClassifierError(f"{path}{inside} does not fit {name}: {nearest.problem()}{_advice(nearest)}")
    first = complete[0]
    others = [fit for fit in complete[1:] if not _same(first, fit)]
    if others:
        places = list(dict.fromkeys(fit.place for fit in (first, *others)))
        raise ClassifierError(
            f"{path} holds several weights that fit {name} ({listing(places)}): choose one, with "
            f"--weights '{path}#{places[-1]}' for example"
        )
    return first


def _advice(fit: Fit) -> str:
    """Return what to do where only the number of classes differs."""
    if fit.shapes and len(fit.shapes) <= 2 and not fit.missing and not fit.unexpected:
        key = fit.shapes[0].partition(" ")[0]
        classes = len(fit.state[key])
        return f"; the weights have {classes} classes: give --labels with as many, or a network made for them"
    return "; give the weights of this network, or the network of these weights"


def _same(first: Fit, other: Fit) -> bool:
    return all(
        torch.equal(value, other.state[key]) for key, value in first.state.items() if key in other.state
    )
