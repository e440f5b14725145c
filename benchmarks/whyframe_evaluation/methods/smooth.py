"""Gradients averaged: over noisy copies of a picture, and over the way from black to it."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from whyframe_evaluation.methods.class_scores import BATCH, gradient, shares
from whyframe_evaluation.methods.libraries import captum
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["IntegratedGradients", "SmoothGrad"]


class SmoothGrad(Method):
    """`max over channels of |mean over k of dS_c / dI at I + e_k|`, `e_k ~ N(0, sigma^2)`, S x S.

    Every picture meets the same noise, scaled by its own range: its map depends on no other picture.

    Args:
        noise: sigma, as a share of the picture's range of values.
        samples: noisy copies of each picture.
        seed: of the noise.
    """

    name = "smooth-grad"
    title = "SmoothGrad"
    paper = "Smilkov et al., SmoothGrad: removing noise by adding noise, ICML workshop 2017"

    def __init__(self, noise: float = 0.2, samples: int = 50, seed: int = 0) -> None:
        self.noise, self.samples, self.seed = noise, samples, seed

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        draw = torch.Generator().manual_seed(self.seed)
        sigma = self.noise * (images.amax(dim=(1, 2, 3)) - images.amin(dim=(1, 2, 3))).view(-1, 1, 1, 1)
        total = torch.zeros_like(images)
        for share in shares(self.samples, len(images)):
            noise = torch.randn((len(share), 1, *images.shape[1:]), generator=draw).to(images)
            noisy = (images + sigma * noise).flatten(0, 1)
            slopes = gradient(classifier.logits, noisy, targets.repeat(len(share)))
            total += slopes.view(-1, *images.shape).sum(dim=0)
            progress(share.stop, self.samples)
        return (total / self.samples).abs().amax(dim=1)


class IntegratedGradients(Method):
    """`sum over channels of I * integral over a in [0, 1] of dS_c / dI at a I`, S x S of both signs.

    From a black picture, by a Riemann sum over midpoints: the map sums to the logit's rise from black. captum's.

    Args:
        steps: of the integral.
    """

    name = "integrated-gradients"
    title = "Integrated gradients"
    paper = "Sundararajan et al., Axiomatic Attribution for Deep Networks, ICML 2017"

    def __init__(self, steps: int = 200) -> None:
        self.steps = steps

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        attributions = []
        for done, (image, target) in enumerate(zip(images, targets, strict=True), 1):
            attributions.append(self._integrate(classifier, image[None], int(target)))
            progress(done, len(images))
        return torch.cat(attributions).sum(dim=1)

    def _integrate(self, classifier: Classifier, image: Tensor, target: int) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that the input had no requires_grad before
            # Midpoints: the weights of captum's trapezoidal rule sum to 1 - 1 / steps.
            return captum().IntegratedGradients(classifier.logits).attribute(
                image, image.new_zeros(1), target, n_steps=self.steps,
                method="riemann_middle", internal_batch_size=BATCH,
            )  # fmt: skip
