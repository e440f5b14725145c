"""Weights from a file or a download into a network, whatever version of torchvision wrote them."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


def read_state(path: Path) -> Mapping[str, Tensor]:
    """The state dict in a `.safetensors` file, or in one that `torch.save` wrote, with or without a frame around it."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    state = torch.load(path, map_location="cpu", weights_only=True)
    return state.get("state_dict", state)


def load_state(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Loads a state dict, every entry of which has to fit.

    Two things that torchvision's own files hold are put right: auxiliary branches, dropped where the network has
    none, and DenseNet's old names. Files that carry no versions are taken as the network's own version.

    Raises:
        RuntimeError: names or shapes that do not fit.
    """
    own = module.state_dict().keys()
    fitting: OrderedDict[str, Tensor] = OrderedDict()
    for key, value in state.items():
        name = key if key in own else OLD_DENSENET.sub(r"\1\2", key)
        if name in own or not name.startswith(AUXILIARY):
            fitting[name] = value
    versions = getattr(state, "_metadata", {"": {"version": module._version}})
    fitting._metadata = versions  # type: ignore[attr-defined]
    module.load_state_dict(fitting)
