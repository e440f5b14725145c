"""Gradients of the class's logit in the pixels: as they are, times the input, and averaged."""

from __future__ import annotations

import torch
from torch import Tensor

from whyframe_evaluation.methods.class_scores import BATCH_SIZE, batches, target_gradients
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier

__all__ = ["GradientTimesInput", "IntegratedGradients", "SmoothGrad", "VanillaGradient"]


class VanillaGradient(Method):
    """Magnitude of the gradient of the class's logit in each pixel.

    As [Simonyan et al. 2014](https://arxiv.org/abs/1312.6034), section 3.1, define it:
    `max over channels of |dS_c / dI|`, where `S_c` is the logit of class c. The map is S x S and not negative.
    """

    name = "gradient"
    title = "Gradient"
    paper = "Simonyan et al., Deep Inside Convolutional Networks, ICLR workshop 2014"

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        return target_gradients(classifier.logits, images, targets).abs().amax(dim=1)


class GradientTimesInput(Method):
    """Gradient of the class's logit in each pixel, times the pixel.

    As [Shrikumar et al. 2016](https://arxiv.org/abs/1605.01713) define it: `sum over channels of x * dS_c / dx`,
    where x is the normalised input of the network, so that a pixel of the mean colour gets 0. The map is S x S with
    both signs. For a network of ReLUs without biases it sums to the logit.
    """

    name = "gradient-x-input"
    title = "Gradient x input"
    paper = "Shrikumar et al., Not Just a Black Box, arXiv:1605.01713, 2016"

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        inputs = classifier.normalise(images)
        return (inputs * target_gradients(classifier.module, inputs, targets)).sum(dim=1)


class SmoothGrad(Method):
    """Magnitude of the mean gradient over noisy copies of the image.

    As [Smilkov et al. 2017](https://arxiv.org/abs/1706.03825) define it:
    `max over channels of |mean over k of dS_c / dI at I + e_k|` with `e_k ~ N(0, sigma^2)`. The map is S x S and not
    negative. All images get the same noise, scaled by the range of their values, so that a map does not depend on
    the other images.

    Args:
        noise: Standard deviation sigma of the noise, as a share of the range of the image's values.
        samples: Number of noisy copies of each image.
        seed: Seed of the noise.
    """

    name = "smooth-grad"
    title = "SmoothGrad"
    paper = "Smilkov et al., SmoothGrad: removing noise by adding noise, ICML workshop 2017"

    def __init__(self, noise: float = 0.2, samples: int = 50, seed: int = 0) -> None:
        self.noise, self.samples, self.seed = noise, samples, seed

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        sigma = self.noise * (images.amax(dim=(1, 2, 3)) - images.amin(dim=(1, 2, 3))).view(-1, 1, 1, 1)
        total = torch.zeros_like(images)
        for batch in batches(self.samples, len(images)):
            noise = torch.randn((len(batch), 1, *images.shape[1:]), generator=generator).to(images)
            noisy = (images + sigma * noise).flatten(0, 1)
            gradients = target_gradients(classifier.logits, noisy, targets.repeat(len(batch)))
            total += gradients.view(-1, *images.shape).sum(dim=0)
            progress(batch.stop, self.samples)
        return (total / self.samples).abs().amax(dim=1)


class IntegratedGradients(Method):
    """Image times its gradient, averaged along the straight line from a black image to it.

    As [Sundararajan et al. 2017](https://arxiv.org/abs/1703.01365), section 3, define it:
    `sum over channels of I * integral over a in [0, 1] of dS_c / dI at a I`, computed as the mean over the midpoints
    of equal intervals. The map is S x S with both signs, and sums to the logit of the image minus that of black.

    Args:
        steps: Number of intervals.
    """

    name = "integrated-gradients"
    title = "Integrated gradients"
    paper = "Sundararajan et al., Axiomatic Attribution for Deep Networks, ICML 2017"

    def __init__(self, steps: int = 200) -> None:
        self.steps = steps

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        half = 1 / (2 * self.steps)
        midpoints = torch.linspace(half, 1 - half, self.steps).to(images).view(-1, 1, 1, 1)
        total, done = torch.zeros_like(images), 0
        for index, target in enumerate(targets):
            for shares in midpoints.split(BATCH_SIZE):
                path, repeated = shares * images[index], target.repeat(len(shares))
                total[index] += target_gradients(classifier.logits, path, repeated).sum(dim=0)
                done += len(shares)
                progress(done, self.steps * len(images))
        return (images * total / self.steps).sum(dim=1)
