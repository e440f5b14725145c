"""The project's own method among the compared ones: runs' mask predictors, fused files, and presets."""

from __future__ import annotations

import hashlib
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

_PAPER = "Distribution-guided local explanation"
_DIGITS = 16  # of a digest


class RunPredictor(Method):
    """The mask predictor of a run's last checkpoint, s x s in [0, 1], named as its folder.

    Args:
        run: the folder that `whyframe train` wrote.

    Raises:
        RunError: it is none.
    """

    paper = _PAPER
    mask = True

    def __init__(self, run: Path) -> None:
        self.run, self.config = run, TrainConfig.load(run / CONFIG)
        self.name = self.title = run.resolve().name
        self.version = _version(checkpoint_bytes(run))
        self._predictors: WeakKeyDictionary[Classifier, MaskPredictor] = WeakKeyDictionary()

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        predictor = self._predictor(classifier).to(images.device)
        with torch.no_grad():
            return predictor(classifier(images).stages, targets)

    def _predictor(self, classifier: Classifier) -> MaskPredictor:
        if classifier not in self._predictors:
            _check(self.config.classifier.name, classifier, str(self.run))
            self._predictors[classifier] = load_predictor(self.run, self.config, classifier)[0]
        return self._predictors[classifier]


class FusedPredictor(Method):
    """A fused model file, as its users run it; s x s in [0, 1].

    The file holds its own copy of the classifier: pictures are rounded to bytes and pass through it once.

    Args:
        model: a fused file, after which the method is named; None for the one that comes with whyframe.
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
        """The loaded file."""
        from whyframe import ExplainEngine

        return ExplainEngine(self.model, backend="onnxruntime")

    @property
    def version(self) -> str:  # type: ignore[override]
        """Of the file."""
        return self.engine.manifest.digest[:_DIGITS]

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        _check(self.engine.manifest.classifier, classifier, "the fused file")
        frames = (255 * images).round().to(torch.uint8).permute(0, 2, 3, 1)
        outputs = self.engine.backend_object.explain(
            np.ascontiguousarray(frames.cpu().numpy()), targets.cpu().numpy()
        )
        return torch.from_numpy(outputs[2]).to(images.device)


class PresetPredictor(Method):
    """A preset with its committed weights (`whyframe_training.presets`), s x s in [0, 1].

    Args:
        name: of the preset.
        after: a controller that is applied to the finished masks, after the fact (section 4.4).
    """

    paper = _PAPER
    mask = True

    def __init__(self, name: str, after: Controller | None = None) -> None:
        self.preset, self.after = name, after
        self.name, self.title = name, find_preset(name).title
        if after is not None:
            self.name, self.title = f"{name}-{after.name}", f"{self.title}, then {after.name.upper()}"
        self.version = _version(preset_bytes(name))
        self._predictors: WeakKeyDictionary[Classifier, MaskPredictor] = WeakKeyDictionary()

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        if classifier not in self._predictors:
            self._predictors[classifier] = load_preset(self.preset, classifier)
        predictor = self._predictors[classifier].to(images.device)
        with torch.no_grad():
            masks = predictor(classifier(images).stages, targets)
            return masks if self.after is None else self.after(masks)


def mgnet_ct() -> PresetPredictor:
    """CT on the masks of MGnet: the scores are stacked at 0 and 1 already, and no controller can part them."""
    return PresetPredictor("mgnet", build_controller({"name": "ct"}))


def _version(weights: bytes) -> str:
    return hashlib.sha256(weights).hexdigest()[:_DIGITS]


def _check(trained_for: str, classifier: Classifier, source: str) -> None:
    if trained_for != classifier.name:
        raise ClassifierError(
            f"{source} explains {trained_for}, not {classifier.name}: "
            f"choose that classifier, or train a predictor with `whyframe train --classifier {classifier.name}`"
        )
