"""The project's own method among the compared ones: a run's mask predictor, and the one that is shipped."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from whyframe_training.checkpoint import CONFIG, load_predictor
from whyframe_training.classifiers import Classifier, ClassifierError
from whyframe_training.config import TrainConfig
from whyframe_training.controllers import Controller, build_controller, rectify
from whyframe_training.methods.base import Method, Progress
from whyframe_training.predictor import MaskPredictor

if TYPE_CHECKING:
    from whyframe import ExplainEngine

__all__ = ["Predictor", "ShippedPredictor", "shipped_bt", "shipped_ct"]

_PAPER = "Distribution-guided local explanation"


class Predictor(Method):
    """The mask predictor of a run's last checkpoint, s x s in [0, 1].

    Args:
        run: the folder that `whyframe train` wrote.
        controller: in place of the run's own.
    """

    name = "predictor"
    title = "Mask predictor"
    paper = _PAPER

    def __init__(self, run: Path, controller: Controller | None = None) -> None:
        self.run, self.config = run, TrainConfig.load(run / CONFIG)
        self.controller = controller or build_controller(self.config.controller)
        self.title = f"Mask predictor ({self.controller.name.upper()})"
        self._predictors: WeakKeyDictionary[Classifier, MaskPredictor] = WeakKeyDictionary()

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        predictor = self._predictor(classifier).to(images.device)
        with torch.no_grad():
            return self.controller(predictor.logit_map(classifier(images).stages, targets))

    def _predictor(self, classifier: Classifier) -> MaskPredictor:
        if classifier not in self._predictors:
            _check(self.config.classifier.name, classifier, str(self.run))
            self._predictors[classifier] = load_predictor(self.run, self.config, classifier)[0]
        return self._predictors[classifier]


class ShippedPredictor(Method):
    """A fused model file, as its users run it; s x s in [0, 1].

    The file holds its own copy of the classifier: pictures are rounded to bytes and pass through it once. CT is
    strictly monotonic, so BT's map is made of CT's: `z = logit(score^(1/h)) / eta`, then Eq. 6.

    Args:
        controller: ``"ct"`` or ``"bt"``.
        model: a fused file whose controller is CT; None for the one that comes with whyframe.
    """

    paper = _PAPER
    unseen = 1

    def __init__(self, controller: str = "ct", model: Path | None = None) -> None:
        self.controller, self.model = build_controller({"name": controller}), model
        self.name, self.title = f"predictor-{controller}", f"Mask predictor ({controller.upper()})"

    @cached_property
    def engine(self) -> ExplainEngine:
        """The loaded file."""
        from whyframe import ExplainEngine

        return ExplainEngine(self.model, backend="onnxruntime")

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        _check(self.engine.manifest.classifier, classifier, "the fused file")
        frames = (255 * images).round().to(torch.uint8).permute(0, 2, 3, 1)
        outputs = self.engine.runtime.explain(
            np.ascontiguousarray(frames.cpu().numpy()), targets.cpu().numpy()
        )
        scores = torch.from_numpy(outputs[2]).to(images.device)
        return scores if self.controller.name == "ct" else rectify(self._normalised(scores))

    def _normalised(self, scores: Tensor) -> Tensor:
        """CT undone: the logits that instance normalisation gave."""
        ct = self.engine.manifest.controller
        return torch.logit(scores.double() ** (1 / ct["h"]), eps=1e-12).float() / ct["eta"]


def shipped_ct() -> ShippedPredictor:
    """The shipped file."""
    return ShippedPredictor("ct")


def shipped_bt() -> ShippedPredictor:
    """The shipped file, its controller exchanged for BT."""
    return ShippedPredictor("bt")


def _check(trained_for: str, classifier: Classifier, source: str) -> None:
    if trained_for != classifier.name:
        raise ClassifierError(
            f"{source} explains {trained_for}, not {classifier.name}: "
            f"choose that classifier, or train a predictor with `whyframe train --classifier {classifier.name}`"
        )
