"""Loading of weights into a network, also those written by old versions of torchvision."""

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
    """Read a state dict from a file.

    Args:
        path: A `.safetensors` file, or a file that `torch.save` wrote, which holds the state dict itself or a dict with
            the key `state_dict`.
    """
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    state = torch.load(path, map_location="cpu", weights_only=True)
    return state.get("state_dict", state)


def load_state(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a state dict, every entry of which has to fit.

    Two peculiarities of torchvision's own files are corrected: auxiliary branches are dropped if the network has none,
    and the old names in DenseNet are replaced. A state dict without versions is taken to have those of the network.

    Args:
        module: The network.
        state: The state dict.

    Raises:
        RuntimeError: Some names or shapes do not fit.
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
