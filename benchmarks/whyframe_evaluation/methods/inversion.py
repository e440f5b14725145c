"""Guided feature inversion: a mask spanned by feature channels that explains the features, then the class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from whyframe_evaluation.methods.mask_optimiser import blend, blurred, descend, stretch
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import upsample

__all__ = ["GuidedFeatureInversion"]


@dataclass(frozen=True, kw_only=True)
class GuidedFeatureInversion(Method):
    """``m = stretch(sum_k w_k A_k)`` with ``w >= 0``, optimised in two stages.

    1. Inversion: ``||f(Phi(x; m)) - f(x)||^2 / ||f(x)||^2 + 5 ||w||^2``: the mask keeps what the features f encode.
    2. Class: ``-p_c(Phi(x; m)) + p_c(Phi(x; 1 - m)) + 2 ||w||^2``: foreground and background are told apart.

    As the predictor's paper describes its comparison (A.3), A are the features of stride 16, f those of the last
    stage, for 10 + 70 steps. It leaves open what follows, and so it is assumed: Phi mixes the image and its blur
    in both stages (Eq. 1, with that paper's sigma); channels are rectified, since some networks' stages end
    without an activation, and a negative one would mark where its pattern is absent.

    Attributes:
        inversion_steps: of the first stage.
        class_steps: of the second stage.
        learning_rate: of Adam, halved every `halving` steps.
        halving: in steps.
        weight: of every channel at the start.
        inversion_decay: of ``||w||^2`` in the first stage.
        class_decay: of ``||w||^2`` in the second stage.
        sigma: of the background's blur in pixels.
    """

    name = "guided-feature-inversion"
    title = "Guided feature inversion"
    mask = True
    paper = (
        "Du, Liu, Song and Hu, "
        "Towards explanation of DNN-based prediction with guided feature inversion, KDD 2018"
    )

    inversion_steps: int = 10
    class_steps: int = 70
    learning_rate: float = 1e-2
    halving: int = 10
    weight: float = 0.1
    inversion_decay: float = 5.0
    class_decay: float = 2.0
    sigma: float = 10.0

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        with torch.no_grad():
            stages = classifier(images).stages
        channels, goal = stages[-2].relu(), stages[-1].flatten(1)
        levels = blurred(images, (self.sigma, 0))
        weights = torch.full_like(channels[:, :, :1, :1], self.weight).requires_grad_()

        def mask() -> Tensor:
            combined = (weights * channels).sum(1)
            return stretch(upsample(combined, images.shape[-1]))

        def inversion() -> Tensor:
            seen = classifier(blend(levels, mask())).stages[-1].flatten(1)
            return (seen - goal).square().sum(1) / goal.square().sum(1).clamp(min=1e-12)

        def discrimination() -> Tensor:
            kept = mask()
            both = torch.cat([blend(levels, kept), blend(levels, 1 - kept)])
            probability = classifier.logits(both).softmax(1).gather(1, targets.repeat(2)[:, None])[:, 0]
            foreground, background = probability.chunk(2)
            return background - foreground

        def loss(step: int) -> Tensor:
            first = step < self.inversion_steps
            decay = self.inversion_decay if first else self.class_decay
            objective = inversion() if first else discrimination()
            return objective + decay * weights.square().flatten(1).sum(1)

        adam = torch.optim.Adam([weights], lr=self.learning_rate)
        halve = torch.optim.lr_scheduler.StepLR(adam, self.halving, gamma=0.5)

        def project(w: Tensor) -> None:
            w.clamp_(min=0)
            halve.step()

        descend(weights, adam, loss, range(self.inversion_steps + self.class_steps), project, progress)
        with torch.no_grad():
            return mask()[:, 0]
