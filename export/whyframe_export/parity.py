"""Does the ONNX file say what PyTorch says, on photographs and every kind of target?"""

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

MINIMUM_IMAGES = 50
THRESHOLD = 1e-4
MINIMUM_RANK_CORRELATION = 0.999

Outputs = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]


class ParityError(WhyframeError):
    """The exported graph and PyTorch differ by more than the threshold."""


@dataclass(frozen=True)
class Comparison:
    """One image and target: what differs between PyTorch and ONNX Runtime.

    Attributes:
        file: the image.
        target: "predicted", "other", "last" or "beyond" (above the last class: clamped to it).
        probability: largest absolute difference.
        saliency: largest absolute difference.
        rank_correlation: Spearman's, of the two maps.
        same_class: whether both explained the same class.
    """

    file: str
    target: str
    probability: float
    saliency: float
    rank_correlation: float
    same_class: bool


@dataclass(frozen=True)
class ParityReport:
    """Comparisons on every image with every kind of target."""

    comparisons: tuple[Comparison, ...]

    @property
    def worst(self) -> Comparison:
        """The comparison with the largest difference in probability or map."""
        return max(self.comparisons, key=lambda c: max(c.probability, c.saliency))

    def passes(self) -> bool:
        """Whether every difference is within its threshold."""
        return all(
            c.same_class
            and max(c.probability, c.saliency) <= THRESHOLD
            and c.rank_correlation >= MINIMUM_RANK_CORRELATION
            for c in self.comparisons
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-safe."""
        return {
            "images": len({c.file for c in self.comparisons}),
            "targets": sorted({c.target for c in self.comparisons}),
            "threshold": THRESHOLD,
            "passes": self.passes(),
            "largest_probability_difference": max(c.probability for c in self.comparisons),
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
    """Runs the graph in ONNX Runtime and the modules in PyTorch, and compares.

    Args:
        model: the ONNX file's content.
        fused: classifier and explainer, float32 on the CPU.
        controller: applied to the logit map.
        frames: N x S x S x 3 uint8 RGB, N at least 50.
        files: N names.
    """
    if len(frames) < MINIMUM_IMAGES:
        raise ParityError(f"parity needs {MINIMUM_IMAGES} images, got {len(frames)}: give a folder with more")
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    fixed = session.get_inputs()[0].shape[0]
    size = fixed if isinstance(fixed, int) else 1
    comparisons: list[Comparison] = []
    for start in range(0, len(frames) - size + 1, size):
        rows = slice(start, start + size)
        for kind, target in _targets(fused, frames[rows]).items():
            wanted = _in_torch(fused, controller, frames[rows], target)
            found: Outputs = tuple(  # type: ignore[assignment]
                session.run(
                    ["probabilities", "class_id", "saliency"], {"frames": frames[rows], "target": target}
                )
            )
            comparisons += _compare(files[rows], kind, wanted, found)
    return ParityReport(tuple(comparisons))


def rank_correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Spearman's, of two maps; 1 where either is constant and both are alike."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float(np.allclose(a, b, atol=THRESHOLD))
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ranks with ties given their mean."""
    _, inverse, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse.ravel()]


def _targets(fused: FusedClassifier, frames: NDArray[np.uint8]) -> dict[str, NDArray[np.int64]]:
    everyone = np.ones(len(frames), np.int64)
    with torch.no_grad():
        probabilities, _, _ = fused(torch.from_numpy(frames), torch.from_numpy(-everyone))
    second = probabilities.topk(min(2, fused.classes), dim=1).indices[:, -1].numpy()
    last = (fused.classes - 1) * everyone
    return {"predicted": -everyone, "other": second, "last": last, "beyond": last + 1}


def _in_torch(
    fused: FusedClassifier, controller: nn.Module, frames: NDArray[np.uint8], target: NDArray[np.int64]
) -> Outputs:
    with torch.no_grad():
        probabilities, class_id, logit_map = fused(torch.from_numpy(frames), torch.from_numpy(target))
        return probabilities.numpy(), class_id.numpy(), controller(logit_map).numpy()


def _compare(files: Sequence[str], kind: str, wanted: Outputs, found: Outputs) -> list[Comparison]:
    return [
        Comparison(
            file=file,
            target=kind,
            probability=float(np.abs(wanted[0][i] - found[0][i]).max()),
            saliency=float(np.abs(wanted[2][i] - found[2][i]).max()),
            rank_correlation=rank_correlation(wanted[2][i], found[2][i]),
            same_class=bool(wanted[1][i] == found[1][i]),
        )
        for i, file in enumerate(files)
    ]
