"""Classifiers with access to their features, from fine to coarse, and their logits."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.feature_taps import blank, capture, find_taps, named_taps
from whyframe_training.classifiers.folding import fold_batch_norms
from whyframe_training.classifiers.labels import read_labels, wrong_count
from whyframe_training.classifiers.linear_layers import as_linear, for_two_classes
from whyframe_training.classifiers.modules import prepare_module
from whyframe_training.classifiers.networks import ClassifierError, ClassifierSpec, build_network
from whyframe_training.classifiers.output_meaning import SOFTMAX_ASSUMED, adapt_outputs
from whyframe_training.classifiers.outputs import LogitAdapter, to_probabilities, to_tensor
from whyframe_training.classifiers.packages import package
from whyframe_training.classifiers.probe_images import probe_images
from whyframe_training.classifiers.specification import labels_origin
from whyframe_training.classifiers.tap_checks import check_taps
from whyframe_training.classifiers.weights import load_weights


class Features(NamedTuple):
    """Feature maps and logits of a classifier.

    Attributes:
        stages: One to five feature maps from fine to coarse, N x C x h x w each, whatever the order of the axes in the
            network; the last one has the last features before pooling.
        logits: N x classes.
    """

    stages: tuple[Tensor, ...]
    logits: Tensor


class Classifier(nn.Module):
    """A frozen network that also returns its intermediate features.

    The features are the outputs of the modules that run last at each scale. They are found by running the network once,
    so its code needs no change. The network stays in eval mode, and its weights have no gradient.

    Args:
        module: Network from N x C x H x W normalised images to its own outputs.
        name: Name in manifests and reports.
        labels: Label of each class.
        input: Size, channels, normalisation and resize rule of the network's input.
        activation: What turns the outputs into probabilities, see `adapt_outputs`.
        taps: Names of the modules whose outputs are the features; None to find them, see `find_taps`.
        fold: Fold batch norms into the convolutions before them, which gives the same output in less time.

    Attributes:
        outputs: Meaning of the network's own outputs; `module` turns them into logits where they are something else.
        outputs_note: Description of what the outputs are taken for, and why; for people to read.
        taps: Modules whose outputs are the features, and how they are read, in the order of `Features.stages`.
        channels: Number of channels of each feature map.
        input_from: Where `input` is stated, such as "the timm config"; empty where it is assumed.
        labels_from: Where `labels` are stated, see `labels_origin`; empty where the classifier was built from a module.
        onnx_backend: Function from normalised images to logits that replaces the module where no gradient is recorded,
            see `whyframe_training.classifiers.onnx_runtime`; None by default.

    Raises:
        ClassifierError: The network has no spatial features, or another number of classes than labels.
    """

    mean: Tensor
    std: Tensor
    input_from: str = ""
    labels_from: str = ""
    onnx_backend: Callable[[Tensor], Tensor] | None = None

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str,
        labels: Sequence[str],
        input: InputSpec = InputSpec(),  # noqa: B008 - frozen, and the name is that of the manifest
        activation: str = "auto",
        taps: Sequence[str] | None = None,
        fold: bool = True,
    ) -> None:
        super().__init__()
        module = prepare_module(module, name)
        self.name, self.labels, self.input = name, tuple(labels), input
        self._untouched = (module,)  # in a tuple, so that it is not registered as a part of this module
        self.register_buffer("mean", torch.tensor(input.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(input.std).view(1, -1, 1, 1), persistent=False)
        probes = self.normalise(probe_images(input))
        adapted, self.outputs, self.outputs_note = adapt_outputs(module, name, probes, activation)
        self._name_both_classes()
        self.module = fold_batch_norms(adapted.eval(), input) if fold else adapted.eval()
        self.module.requires_grad_(False)
        found = find_taps(self.module, input) if taps is None else named_taps(self.module, input, taps)
        self.taps = tuple(check_taps(self.module, input, found))
        self.channels = tuple(tap.channels for tap in self.taps)
        self._check_labels()

    def train(self, mode: bool = True) -> Classifier:  # noqa: ARG002 - the signature is nn.Module's
        """Keep eval mode in every case, so that the statistics of batch norms stay fixed."""
        return super().train(False)

    def forward(self, images: Tensor) -> Features:
        """Return features and logits of N x C x H x W images in [0, 1], RGB, RGBA or grey."""
        return self.features(self.normalise(images))

    def features(self, normalised: Tensor) -> Features:
        """Return features and logits of N x C x H x W normalised images."""
        with self._capture() as stages:
            logits = self.module(normalised)
        return Features(stages(), logits)

    def classified_features(self, normalised: Tensor) -> tuple[Features, Tensor]:
        """Return features, logits and probabilities of N x C x H x W normalised images.

        The N x classes probabilities are computed from the network's own outputs, so that those that it gives already
        are not changed.
        """
        adapter = self.module if isinstance(self.module, LogitAdapter) else None
        network = self.module if adapter is None else adapter.network
        with self._capture() as stages:
            values = to_tensor(network(normalised))
        logits = values if adapter is None else adapter.convert(values)
        return Features(stages(), logits), to_probabilities(values, self.outputs)

    @contextmanager
    def _capture(self) -> Iterator[Callable[[], tuple[Tensor, ...]]]:
        """Yield a function that returns the feature maps of the network's run in the context."""
        with capture(self.module, [tap.name for tap in self.taps]) as outputs:
            yield lambda: tuple(tap.to_map(outputs[tap.name]) for tap in self.taps)

    def logits(self, images: Tensor) -> Tensor:
        """Return the N x classes logits of N x C x H x W images in [0, 1], RGB, RGBA or grey, without features.

        They are computed by `onnx_backend` where it is set and no gradient is recorded.
        """
        normalised = self.normalise(images)
        if self.onnx_backend is None or torch.is_grad_enabled():
            return self.module(normalised)
        logits = self.onnx_backend(normalised)
        for hook in self.module._forward_hooks.values():  # such as those that count forward passes
            hook(self.module, (normalised,), logits)
        return logits

    @torch.no_grad()
    def own_probabilities(self, images: Tensor, exact: bool = False) -> Tensor:
        """Return the N x classes probabilities of the given network itself, neither wrapped nor folded.

        Args:
            images: N x C x H x W in [0, 1], on the CPU.
            exact: Compute in float64, on a copy of the network.
        """
        normalised = self.normalise(images)
        if exact:
            return to_probabilities(copy.deepcopy(self.given).double()(normalised.double()), self.outputs)
        return to_probabilities(self.given(normalised), self.outputs)

    def normalise(self, images: Tensor) -> Tensor:
        """Return the normalised images of images in [0, 1], with the channels in the network's order."""
        return self.in_network_order((images - self.mean) / self.std)

    def in_network_order(self, images: Tensor) -> Tensor:
        """Return N x C x H x W images in the order of the frame with their channels in the order of the network."""
        order = {"bgr": [2, 1, 0], "bgra": [2, 1, 0, 3]}.get(self.input.color)
        return images if order is None else images[:, order]

    @property
    def given(self) -> nn.Module:
        """The network as it was given, neither wrapped nor folded."""
        return self._untouched[0]

    @property
    def side(self) -> int:
        """Height and width of a square input in pixels.

        Raises:
            ClassifierError: The input is not square.
        """
        if self.input.height != self.input.width:
            raise ClassifierError(
                f"{self.name} takes {self.input.height} x {self.input.width}: this command takes square inputs only"
            )
        return self.input.height

    @property
    def exclusive(self) -> bool:
        """Whether the classes exclude each other, so that their probabilities sum to 1; False for multi-label."""
        return self.outputs.exclusive

    def to_probabilities(self, logits: Tensor) -> Tensor:
        """Return the N x classes probabilities of the N x classes logits of `forward`."""
        return logits.softmax(dim=1) if self.exclusive else logits.sigmoid()

    def probabilities(self, images: Tensor) -> Tensor:
        """Return the N x classes probabilities of N x C x H x W images in [0, 1], see `logits`."""
        return self.to_probabilities(self.logits(images))

    def head(self) -> nn.Linear | None:
        """Return the last linear layer if the network ends in this layer and global average pooling, else None.

        The layer may follow the pooling, as in ResNet, or be a 1x1 convolution before it, with or without a ReLU, as in
        SqueezeNet and other fully convolutional networks; the weights of a convolution are returned as a new layer.
        """
        head = self.last_linear()
        if head is None:
            return None
        probe = torch.rand(2, *blank(self.input).shape[1:], generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            features = self(probe.to(self.mean))
            cells = head(features.stages[-1].permute(0, 2, 3, 1))
            logits = _centred(features.logits)
        # Relative to the logits, because those of untrained networks may be near zero.
        close = any(
            pooled.shape == logits.shape
            and torch.allclose(pooled, logits, rtol=0, atol=1e-2 * float(logits.abs().max()))
            for pooled in (_centred(values.mean(dim=(1, 2))) for values in (cells, cells.relu()))
        )
        return head if close else None

    def last_linear(self) -> nn.Linear | None:
        """Return the last linear layer or 1x1 convolution if it takes as many channels as the last features have.

        Of a transformer with a class token, this is the layer that reads that token; its products with the other
        tokens are no logits, but a good start for a class embedding.
        """
        modules = list(self.module.modules())[::-1]
        for kind in (nn.Linear, nn.Conv2d):
            last = next((as_linear(module) for module in modules if isinstance(module, kind)), None)
            if last is None or last.in_features != self.channels[-1]:
                continue
            if last.out_features == 1:
                return for_two_classes(last)
            if last.out_features == len(self.labels):
                return last
        return None

    def _name_both_classes(self) -> None:
        """Name the complement of the class of a network with a single output and a single label."""
        if self.outputs.single and len(self.labels) == 1:
            self.labels = (f"not {self.labels[0]}", self.labels[0])

    def _check_labels(self) -> None:
        with torch.no_grad():
            classes = self.logits(blank(self.input)).shape[-1]
        if classes != len(self.labels):
            raise ClassifierError(wrong_count(self.name, classes, self.labels))


def build_classifier(spec: ClassifierSpec, fold: bool = True) -> Classifier:
    """Build a classifier with its weights, on the CPU.

    Args:
        spec: Specification of the classifier.
        fold: Fold batch norms into the convolutions before them.

    Raises:
        ClassifierError: The name is unknown, a package or a file is missing, the weights do not fit or cannot be
            downloaded, the labels do not match, or the network has no spatial features.
    """
    given = None if spec.labels is None else read_labels(Path(spec.labels))
    network = build_network(spec, None if given is None else len(given))
    module = prepare_module(network.module, spec.name)
    if spec.weights not in ("pretrained", "random"):
        load_weights(module, spec.weights, spec.name)
    classifier = Classifier(
        module,
        name=spec.name,
        labels=given or network.labels or _imagenet_labels(),
        input=spec.input_spec(network.input),
        activation=network.activation if spec.activation == "auto" else spec.activation,
        taps=spec.taps,
        fold=fold,
    )
    classifier.input_from = network.input_from
    classifier.labels_from = labels_origin(spec, network)
    fine_tuned = spec.weights not in ("pretrained", "random")
    if fine_tuned and spec.activation == "auto" and network.activation == "softmax":
        classifier.outputs_note += f" ({SOFTMAX_ASSUMED})"
    return classifier


def _centred(logits: Tensor) -> Tensor:
    """Return logits minus their mean; softmax does not depend on it."""
    return logits - logits.mean(dim=1, keepdim=True)


def _imagenet_labels() -> tuple[str, ...]:
    models = package("torchvision").models
    return tuple(models.get_model_weights("resnet50").DEFAULT.meta["categories"])
