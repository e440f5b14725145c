"""Preparation of a user's module: wrappers, precision, device; and what cannot be explained, refused at the start."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from whyframe_training.classifiers.errors import ClassifierError, listing

__all__ = ["prepare_module"]

QUANTISED_PACKAGES = (
    "torch.ao.nn.quantized",
    "torch.nn.quantized",
    "torch.ao.nn.intrinsic.quantized",
    "torchao.",
)
QUANTISED_CLASSES = ("Linear8bitLt", "Linear4bit", "QuantLinear", "WQLinear", "QLinear")
"""Classes of layers with integer weights, of bitsandbytes, GPTQ and AWQ."""

_LOG = logging.getLogger("whyframe")


def prepare_module(module: nn.Module, name: str) -> nn.Module:
    """Return a user's module as whyframe can work with it: unwrapped, in eval mode, in float32, on the CPU.

    What is changed is said by a warning of the logger `whyframe`.

    Args:
        module: The module; its own weights are converted where they have another precision or device.
        name: Name of the network for messages.

    Raises:
        ClassifierError: The module is quantised, has no weights yet, has weights that are not finite, or takes another
            input than one tensor of images.
    """
    module = _unwrapped(module)
    _check_quantised(module, name)
    _check_weights(module, name)
    _check_arguments(module, name)
    tensors = list(_tensors(module))
    if any(tensor.device.type == "meta" for _, tensor in tensors):
        raise ClassifierError(
            f"{name} is on the meta device, without values: build it on the CPU and load its weights"
        )
    _convert(module, name, [tensor for _, tensor in tensors])
    return module.eval()


def _unwrapped(module: nn.Module) -> nn.Module:
    """Return the module inside wrappers of `torch.compile`, parallel and averaged models."""
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel, torch.optim.swa_utils.AveragedModel)
    while True:
        inner = getattr(module, "_orig_mod", module.module if isinstance(module, wrappers) else None)
        if not isinstance(inner, nn.Module):
            break
        module = inner
    for part in module.modules():
        if getattr(part, "_compiled_call_impl", None) is not None:
            part._compiled_call_impl = None  # `module.compile()`; hooks and exports need the plain call
    return module


def _check_quantised(module: nn.Module, name: str) -> None:
    for place, part in module.named_modules():
        kind = type(part)
        integer = [key for key, p in part._parameters.items() if p is not None and not _is_float(p)]
        odd = [key for key, p in part._parameters.items() if p is not None and _is_subclass(p)]
        if (
            kind.__module__.startswith(QUANTISED_PACKAGES)
            or kind.__name__ in QUANTISED_CLASSES
            or integer
            or odd
        ):
            raise ClassifierError(
                f"{name} is quantised ({place or 'the whole'} is a {kind.__module__}.{kind.__name__}), and has no "
                "gradients: give the float network that it was made from; the exported file can be quantised afterwards"
            )


def _is_float(parameter: Tensor) -> bool:
    return parameter.is_floating_point() and not parameter.is_quantized


def _is_subclass(parameter: nn.Parameter) -> bool:
    """Return whether a parameter's data are of a tensor class of their own, as those of torchao."""
    return type(parameter.data).__module__.startswith(("torchao", "bitsandbytes"))


def _check_weights(module: nn.Module, name: str) -> None:
    lazy = [key for key, p in (*module.named_parameters(), *module.named_buffers()) if is_lazy(p)]
    if lazy:
        raise ClassifierError(
            f"{name} has layers whose size is not known yet ({listing(lazy)}): run it once on an image before you "
            "return it"
        )
    for key, value in module.named_parameters():
        if value.device.type != "meta" and not bool(torch.isfinite(value).all()):
            raise ClassifierError(
                f"the weights of {name} are not finite ({key}): give the weights of an earlier epoch"
            )


def _check_arguments(module: nn.Module, name: str) -> None:
    """Refuse a forward function that needs another number of arguments than one."""
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):  # no signature, as of some compiled modules
        return
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    words = [p.name for p in parameters if p.default is p.empty and p.kind is inspect.Parameter.KEYWORD_ONLY]
    if words:
        raise ClassifierError(
            f"forward() of {name} takes {listing(words)} as a keyword: return a module from your function whose "
            "forward(images) takes N x C x H x W images alone, and passes them on"
        )
    needed = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind in (*positional, inspect.Parameter.KEYWORD_ONLY)
    ]
    takes_one = any(p.kind in (*positional, inspect.Parameter.VAR_POSITIONAL) for p in parameters)
    if len(needed) > 1 or not takes_one:
        raise ClassifierError(
            f"forward() of {name} takes {listing(needed) or 'no images'}: return a module from your function whose "
            "forward(images) takes N x C x H x W images alone, and adds the rest"
        )


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _convert(module: nn.Module, name: str, tensors: list[Tensor]) -> None:
    """Convert a module to float32 on the CPU, and say so."""
    kinds = sorted({str(t.dtype)[6:] for t in tensors if t.is_floating_point() and t.dtype != torch.float32})
    devices = sorted({t.device.type for t in tensors if t.device.type != "cpu"})
    if kinds:
        _LOG.warning("%s has weights in %s: it is explained in float32", name, " and ".join(kinds))
        module.float()
    if devices:
        _LOG.warning(
            "%s is on %s: it is moved to the CPU, and the training moves it where it runs", name, devices[0]
        )
        module.cpu()
