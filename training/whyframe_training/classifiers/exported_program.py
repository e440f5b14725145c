"""Networks in files: programs of `torch.export`. TorchScript is refused, because its feature maps cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from whyframe.errors import one_line
from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.checkpoints import check_file, kind_of_program
from whyframe_training.classifiers.errors import ClassifierError
from whyframe_training.classifiers.first_pass import first_pass
from whyframe_training.classifiers.outputs import to_tensor
from whyframe_training.classifiers.specification import ClassifierSpec, Network

__all__ = ["SUFFIXES", "build_exported"]

SUFFIXES = (".pt2", ".pt", ".pth", ".ts", ".jit", ".torchscript", ".safetensors", ".bin", ".ckpt")

EXPORT = (
    "torch.export.save(torch.export.export(model.eval(), (torch.rand(2, {shape}),), "
    "dynamic_shapes=({{0: torch.export.Dim('batch')}},)), 'model.pt2')"
)
"""Line of Python that makes a file that can be used."""


def build_exported(spec: ClassifierSpec) -> Network:
    """Load a network from a file of `torch.export`.

    Args:
        spec: Specification whose name is the path.

    Raises:
        ClassifierError: The file is missing, damaged or of another kind, no gradient flows through the network, or it
            takes a fixed number of images.
    """
    path = Path(spec.name)
    check_file(path)
    if spec.weights != "pretrained":
        raise ClassifierError(f"{path} holds its weights: leave out --weights {spec.weights}")
    kind = kind_of_program(path)
    if kind is None:
        raise ClassifierError(
            f"{path} holds no network (weights alone do not say how to compute): give "
            f"--classifier my_model.py:build --weights {path}"
        )
    if kind == "script":
        own = spec.input_spec(InputSpec())
        line = EXPORT.format(shape=f"{own.channels}, {own.height}, {own.width}")
        raise ClassifierError(
            f"{path} is TorchScript, whose feature maps cannot be read: give --classifier my_model.py:build, or in "
            f"Python where the network is made run `{line}`, and give model.pt2"
        )
    module, own = _exported(path)
    shape = (own.channels, own.height, own.width)
    _check_gradient(module, path, shape)
    return Network(module, own)


def _exported(path: Path) -> tuple[nn.Module, InputSpec]:
    try:
        program = torch.export.load(path)
    except Exception as error:  # a damaged file, or one of another version
        raise ClassifierError(
            f"{path} cannot be loaded by this version of PyTorch, {torch.__version__} ({one_line(error, 90)}): export "
            "it again with this version"
        ) from error
    return _unflattened(program, path), _input(program, path)


def _unflattened(program: Any, path: Path) -> nn.Module:
    """Return the program as a module with sub-modules, whose outputs can be read, and that can be copied."""
    try:
        module = torch.export.unflatten(program)
    except Exception as error:  # whatever torch.export raises
        raise ClassifierError(
            f"{path} has no modules whose outputs can be read ({one_line(error, 80)}): "
            "give --classifier my_model.py:build"
        ) from error
    for part in module.modules():
        for node in getattr(getattr(part, "graph", None), "nodes", ()):
            node.meta.clear()  # examples of values, which cannot be copied
    return module


def _input(program: Any, path: Path) -> InputSpec:
    """Return the input that the program was exported for, with the default normalisation."""
    names = program.graph_signature.user_inputs
    shapes = [
        node.meta["val"].shape for node in program.graph.nodes if node.name in names and "val" in node.meta
    ]
    if len(names) != 1 or len(shapes[0]) != 4:
        raise ClassifierError(
            f"{path} takes {len(names)} inputs: export a network that takes N x C x H x W images alone"
        )
    batch, channels, height, width = shapes[0]
    if isinstance(batch, int):
        line = EXPORT.format(shape=f"{channels}, {height}, {width}")
        raise ClassifierError(f"{path} takes exactly {batch} images at once: export it again with `{line}`")
    rows, columns, count = (
        size if isinstance(size, int) else plain
        for size, plain in ((height, 224), (width, 224), (channels, 3))
    )
    return ClassifierSpec("", side=(rows, columns), channels=count).input_spec(InputSpec())


def _check_gradient(module: nn.Module, path: Path, shape: tuple[int, int, int]) -> None:
    """Refuse a network through which no gradient flows."""
    images = torch.rand(2, *shape, requires_grad=True)
    first_pass(module, images, str(path))
    try:
        outputs = to_tensor(module(images))
        (gradient,) = torch.autograd.grad(outputs.sum(), images)
    except RuntimeError as error:
        raise ClassifierError(
            f"no gradient flows through {path} ({one_line(error, 90)}): export the network without torch.no_grad(), in "
            "float"
        ) from error
    if not bool(gradient.abs().max() > 0):
        raise ClassifierError(
            f"the gradient through {path} is 0: export the network without detach() and in float"
        )
