"""Comparison of an exported graph with PyTorch, on images and on every kind of target."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import nn

from whyframe.errors import WhyframeError
from whyframe_export.fused import FusedClassifier
from whyframe_export.rank_correlation import rank_correlation

MINIMUM_IMAGES = 50
"""Number of images that a comparison needs."""

THRESHOLD = 1e-4
"""Largest accepted absolute difference of a probability or a score."""

OWN_THRESHOLD = 1e-5
"""Largest accepted absolute difference of a probability from that of the given network itself."""

ROUNDING_FACTOR = 4.0
"""Accepted difference, as a multiple of the given network's own rounding, where that exceeds the threshold."""

MINIMUM_RANK_CORRELATION = 0.999
"""Smallest accepted rank correlation of two maps."""

Outputs = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]
"""Probabilities N x C, explained classes N, and maps N x h x w."""


class ParityError(WhyframeError):
    """An exported graph that differs from PyTorch by more than the threshold, or too few images to compare them."""


@dataclass(frozen=True)
class Comparison:
    """Differences between PyTorch and ONNX Runtime for one image and one target.

    Attributes:
        file: Name of the image.
        target: Kind of target: ``"predicted"``, ``"other"`` (the second most probable class), ``"last"`` (the last
            class), or ``"beyond"`` (a number above the last class, which stands for the last class).
        probability: Largest absolute difference of a probability.
        saliency: Largest absolute difference of a score.
        rank_correlation: Spearman's rank correlation of the two maps.
        same_class: Whether both explained the same class.
    """

    file: str
    target: str
    probability: float
    saliency: float
    rank_correlation: float
    same_class: bool


@dataclass(frozen=True)
class ParityReport:
    """Comparison of an exported graph with PyTorch.

    Attributes:
        comparisons: One entry for each image and each kind of target; the graph against the fused modules.
        own_difference: Largest absolute difference of a probability from those of the given network itself, neither
            wrapped nor folded.
        rounding: Largest absolute difference of a probability of the given network in float32 from the same network in
            float64, on the same images. It is 0 where it was not measured, because `own_difference` is small enough.
    """

    comparisons: tuple[Comparison, ...]
    own_difference: float
    rounding: float = 0.0

    @property
    def worst(self) -> Comparison:
        """The entry with the largest difference of a probability or a score."""
        return max(self.comparisons, key=lambda c: max(c.probability, c.saliency))

    @property
    def own_threshold(self) -> float:
        """Accepted difference from the given network: no network agrees better with another order of its own sums."""
        return min(max(OWN_THRESHOLD, ROUNDING_FACTOR * self.rounding), THRESHOLD)

    def passes(self) -> bool:
        """Return whether every difference is within its threshold."""
        return self.own_difference <= self.own_threshold and all(
            c.same_class
            and max(c.probability, c.saliency) <= THRESHOLD
            and c.rank_correlation >= MINIMUM_RANK_CORRELATION
            for c in self.comparisons
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the summary that is written beside the model, as JSON values."""
        return {
            "images": len({c.file for c in self.comparisons}),
            "targets": sorted({c.target for c in self.comparisons}),
            "threshold": THRESHOLD,
            "threshold_of_own_probabilities": self.own_threshold,
            "passes": self.passes(),
            "largest_probability_difference": max(c.probability for c in self.comparisons),
            "largest_difference_from_own_probabilities": self.own_difference,
            "rounding_of_own_probabilities": self.rounding,
            "largest_saliency_difference": max(c.saliency for c in self.comparisons),
            "smallest_rank_correlation": min(c.rank_correlation for c in self.comparisons),
            "different_class": sum(not c.same_class for c in self.comparisons),
            "worst": dataclasses.asdict(self.worst),
        }


def check_parity(
    model: bytes,
    fused: FusedClassifier,
    controller: nn.Module,
    frames: NDArray[np.uint8],
    files: Sequence[str],
) -> ParityReport:
    """Compare the graph in ONNX Runtime with the modules in PyTorch.

    A graph with a fixed batch size is compared on complete batches only.

    Args:
        model: Content of the ONNX file.
        fused: Classifier and explainer, in float32 on the CPU.
        controller: Controller module, applied to the logit map.
        frames: N x S x S x 3 uint8 RGB, with N at least 50.
        files: Names of the N frames.

    Raises:
        ParityError: There are fewer than 50 frames.
    """
    if len(frames) < MINIMUM_IMAGES:
        raise ParityError(f"the parity check needs {MINIMUM_IMAGES} images, got {len(frames)}: give more")
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    fixed = session.get_inputs()[0].shape[0]
    size = fixed if isinstance(fixed, int) else 1
    comparisons: list[Comparison] = []
    own_difference = 0.0
    for start in range(0, len(frames) - size + 1, size):
        rows = slice(start, start + size)
        answers = _in_torch(fused, controller, frames[rows])
        for kind, (target, expected) in answers.items():
            actual: Outputs = tuple(  # type: ignore[assignment]
                session.run(
                    ["probabilities", "class_id", "saliency"], {"frames": frames[rows], "target": target}
                )
            )
            comparisons += _compare(files[rows], kind, expected, actual)
            if kind == "predicted":
                difference = np.abs(actual[0] - _own_probabilities(fused, frames[rows])).max()
                own_difference = max(own_difference, float(difference))
    rounding = _rounding(fused, frames) if own_difference > OWN_THRESHOLD else 0.0
    return ParityReport(tuple(comparisons), own_difference, rounding)


def _rounding(fused: FusedClassifier, frames: NDArray[np.uint8]) -> float:
    """Return the difference of the given network in float32 from itself in float64; 0 if it does not run in float64."""
    images = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    try:
        exact = fused.network.own_probabilities(images, exact=True)
    except (RuntimeError, TypeError):  # a network with a fixed dtype of its own
        return 0.0
    return float((fused.network.own_probabilities(images) - exact).abs().max())


def _own_probabilities(fused: FusedClassifier, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    images = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    return fused.network.own_probabilities(images).numpy()


@torch.no_grad()
def _in_torch(
    fused: FusedClassifier, controller: nn.Module, frames: NDArray[np.uint8]
) -> dict[str, tuple[NDArray[np.int64], Outputs]]:
    """Return each target to compare, N class ids, with PyTorch's outputs for it, from one pass of the classifier.

    The names of the targets are explained at `Comparison.target`.
    """
    features, probabilities = fused.classify(torch.from_numpy(frames))
    second = probabilities.topk(min(2, fused.classes), dim=1).indices[:, -1].numpy()
    predicted, last = (np.full(len(frames), class_id, np.int64) for class_id in (-1, fused.classes - 1))
    answers = {}
    for kind, target in {"predicted": predicted, "other": second, "last": last, "beyond": last + 1}.items():
        class_id, logit_map = fused.explain(features, torch.from_numpy(target))
        outputs = (probabilities.numpy(), class_id.numpy(), controller(logit_map).numpy())
        answers[kind] = (target, outputs)
    return answers


def _compare(files: Sequence[str], kind: str, expected: Outputs, actual: Outputs) -> list[Comparison]:
    return [
        Comparison(
            file=file,
            target=kind,
            probability=float(np.abs(expected[0][i] - actual[0][i]).max()),
            saliency=float(np.abs(expected[2][i] - actual[2][i]).max()),
            rank_correlation=rank_correlation(expected[2][i], actual[2][i]),
            same_class=bool(expected[1][i] == actual[1][i]),
        )
        for i, file in enumerate(files)
    ]
