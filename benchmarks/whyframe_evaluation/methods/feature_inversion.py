"""Guided feature inversion: a mask made of feature channels that explains first the features, then the class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from whyframe_evaluation.methods.class_scores import target_scores
from whyframe_evaluation.methods.mask_optimiser import blend, blurred, descend, stretch
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.perturb import upsample

__all__ = ["GuidedFeatureInversion"]


@dataclass(frozen=True, kw_only=True)
class GuidedFeatureInversion(Method):
    """Non-negative combination of feature channels, `m = stretch(sum_k w_k A_k)`, optimised in two stages.

    The stages are those of [Du et al. 2018](https://arxiv.org/abs/1804.00506):

    1. Inversion minimises `||f(Phi(x; m)) - f(x)||^2 / ||f(x)||^2 + 5 ||w||^2`, so that the mask keeps what the
       features f encode.
    2. Discrimination minimises `-p_c(Phi(x; m)) + p_c(Phi(x; 1 - m)) + 2 ||w||^2`, so that the mask separates the
       class from the background.

    As in the comparison of Fu et al. 2022, A.3, A are the features at stride 16 and f those of the last stage, for
    10 + 70 steps. That paper does not state the rest, for which two assumptions are made. Phi mixes the image and its
    blur in both stages (Fu et al. 2022, Eq. 1, with its sigma). The channels are rectified, because a negative
    value, which stages without an activation have, marks where a pattern is absent. The map is S x S in [0, 1].

    Attributes:
        inversion_steps: Number of steps of the first stage.
        class_steps: Number of steps of the second stage.
        learning_rate: Learning rate of Adam at the start.
        halving: Number of steps after which the learning rate is halved.
        weight: Weight w_k of every channel at the start.
        inversion_decay: Factor of `||w||^2` in the first stage.
        class_decay: Factor of `||w||^2` in the second stage.
        sigma: Standard deviation of the blur in pixels.
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
        channels, original = stages[-2].relu(), stages[-1].flatten(1)
        levels = blurred(images, (self.sigma, 0))
        weights = torch.full_like(channels[:, :, :1, :1], self.weight).requires_grad_()

        def mask() -> Tensor:
            combined = (weights * channels).sum(1)
            return stretch(upsample(combined, images.shape[-2:]))

        def inversion() -> Tensor:
            features = classifier(blend(levels, mask())).stages[-1].flatten(1)
            return (features - original).square().sum(1) / original.square().sum(1).clamp(min=1e-12)

        def discrimination() -> Tensor:
            kept = mask()
            both = torch.cat([blend(levels, kept), blend(levels, 1 - kept)])
            probabilities = target_scores(classifier.probabilities(both), targets.repeat(2))
            foreground, background = probabilities.chunk(2)
            return background - foreground

        def loss(step: int) -> Tensor:
            is_inversion = step < self.inversion_steps
            decay = self.inversion_decay if is_inversion else self.class_decay
            objective = inversion() if is_inversion else discrimination()
            return objective + decay * weights.square().flatten(1).sum(1)

        adam = torch.optim.Adam([weights], lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.StepLR(adam, self.halving, gamma=0.5)

        def project(w: Tensor) -> None:
            w.clamp_(min=0)
            schedule.step()

        descend(weights, adam, loss, self.inversion_steps + self.class_steps, project, progress)
        with torch.no_grad():
            return mask()[:, 0]
