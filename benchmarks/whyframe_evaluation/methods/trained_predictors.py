"""Trained mask predictors among the compared methods: runs, fused model files, and presets."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.checkpoint import checkpoint_bytes, load_predictor
from whyframe_training.classifiers.classifier import Classifier, ClassifierError
from whyframe_training.config import CONFIG, TrainConfig
from whyframe_training.predictor.controllers import Controller, build_controller
from whyframe_training.predictor.mask_predictor import MaskPredictor
from whyframe_training.presets import find_preset, load_preset, preset_bytes

if TYPE_CHECKING:
    from whyframe import ExplainEngine

__all__ = ["FusedPredictor", "PresetPredictor", "RunPredictor", "mgnet_ct"]

_PAPER = "Fu et al., Differentiated Explanation of Deep Neural Networks with Skewed Distributions, TPAMI 2022"
_MGNET_PAPER = "Dabkowski and Gal, Real Time Image Saliency for Black Box Classifiers, NIPS 2017"
_VERSION_DIGITS = 16


class _TorchPredictor(Method):
    """Mask predictor that runs in PyTorch and is loaded once for each classifier."""

    paper = _PAPER
    mask = True

    def __init__(self) -> None:
        self._predictors: WeakKeyDictionary[Classifier, MaskPredictor] = WeakKeyDictionary()

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        if classifier not in self._predictors:
            self._predictors[classifier] = self._load(classifier)
        predictor = self._predictors[classifier].to(images.device)
        with torch.no_grad():
            return predictor(classifier(images).stages, targets)  # type: ignore[no-any-return]

    @abstractmethod
    def _load(self, classifier: Classifier) -> MaskPredictor:
        """Return the predictor for this classifier."""


class RunPredictor(_TorchPredictor):
    """Mask predictor of the last checkpoint of a run, named after the run's folder.

    The map is s x s in [0, 1]. `explain` raises `ClassifierError` for another classifier than the run's.

    Args:
        run: Folder that `whyframe train` wrote.

    Raises:
        RunError: The folder holds no run.
    """

    def __init__(self, run: Path) -> None:
        super().__init__()
        self.run, self.config = run, TrainConfig.load(run / CONFIG)
        self.name = self.title = run.resolve().name
        self.version = _version(checkpoint_bytes(run))

    def _load(self, classifier: Classifier) -> MaskPredictor:
        _check_classifier(self.config.classifier.name, classifier, str(self.run))
        return load_predictor(self.run, self.config, classifier)[0]


class FusedPredictor(Method):
    """Explainer of a fused model file, run by ONNX Runtime as a user of the file runs it.

    The file holds its own copy of the classifier, through which each image passes once, rounded to uint8. The map
    is s x s in [0, 1]. `explain` raises `ClassifierError` for another classifier than the file's.

    Args:
        model: Fused ONNX file, after which the method is named; None for the model bundled with whyframe.
    """

    name = "predictor"
    title = "whyframe"
    paper = _PAPER
    mask = True
    extra_forward_passes = 1

    def __init__(self, model: Path | None = None) -> None:
        self.model = model
        if model is not None:
            self.name = self.title = model.stem

    @cached_property
    def engine(self) -> ExplainEngine:
        """Engine that runs the file, loaded when it is first used."""
        from whyframe import ExplainEngine

        return ExplainEngine(self.model, backend="onnxruntime")

    @property
    def version(self) -> str:  # type: ignore[override]
        """First characters of the digest of the file."""
        return self.engine.manifest.digest[:_VERSION_DIGITS]

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        _check_classifier(self.engine.manifest.classifier, classifier, "the fused file")
        frames = (255 * images).round().to(torch.uint8).permute(0, 2, 3, 1)
        outputs = self.engine.backend_object.explain(
            np.ascontiguousarray(frames.cpu().numpy()), targets.cpu().numpy()
        )
        return torch.from_numpy(outputs[2]).to(images.device)


class PresetPredictor(_TorchPredictor):
    """Mask predictor of a preset of `whyframe_training.presets`, with its committed weights.

    The map is s x s in [0, 1].

    Args:
        name: Name of the preset.
        controller: Distribution controller applied to the finished masks (Fu et al. 2022, section 4.4); None for
            the masks themselves.

    Raises:
        PresetError: The preset does not exist, or has no weights.
    """

    def __init__(self, name: str, controller: Controller | None = None) -> None:
        super().__init__()
        self.preset, self.controller = name, controller
        self.name, self.title = name, find_preset(name).title
        self.paper = _MGNET_PAPER if name.startswith("mgnet") else _PAPER
        if controller is not None:
            self.name, self.title = (
                f"{name}-{controller.name}",
                f"{self.title}, then {controller.name.upper()}",
            )
        self.version = _version(preset_bytes(name))

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        masks = super()._explain(classifier, images, targets, progress)
        return masks if self.controller is None else self.controller(masks)

    def _load(self, classifier: Classifier) -> MaskPredictor:
        return load_preset(self.preset, classifier)


def mgnet_ct() -> PresetPredictor:
    """Return MGnet with the CT controller applied to its finished masks (Fu et al. 2022, section 4.4).

    Most scores of those masks are at 0 or 1, and no controller can separate equal scores.
    """
    return PresetPredictor("mgnet", build_controller({"name": "ct"}))


def _version(weights: bytes) -> str:
    return hashlib.sha256(weights).hexdigest()[:_VERSION_DIGITS]


def _check_classifier(trained_for: str, classifier: Classifier, source: str) -> None:
    if trained_for != classifier.name:
        raise ClassifierError(
            f"{source} explains {trained_for}, not {classifier.name}: "
            f"choose that classifier, or train a predictor with `whyframe train --classifier {classifier.name}`"
        )
