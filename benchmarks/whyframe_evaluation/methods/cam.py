"""Class activation maps: weighted sums of the last feature maps."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from whyframe_evaluation.methods.class_scores import target_scores
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.predictor.class_activation_map import ClassActivationMap

__all__ = ["Cam", "GradCam", "GradCamPlusPlus"]


class Cam(Method):
    """Sum of the last feature maps, weighted by the linear layer's weights of the class.

    As [Zhou et al. 2016](https://arxiv.org/abs/1512.04150), Eq. 2, define it, for networks that end in global
    average pooling and one linear layer: `M_c = sum_k w_ck A_k`, where `A_k` is the k-th feature map before pooling
    and `w_ck` its weight for class c. The map has the resolution of the features and both signs: no ReLU is applied.
    The first map of a classifier costs one more pass, of two images, which checks the end of the network.

    `explain` raises `ClassifierError` for a network with another end.
    """

    name = "cam"
    title = "CAM"
    paper = "Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016"

    def __init__(self) -> None:
        self._maps: WeakKeyDictionary[Classifier, ClassActivationMap] = WeakKeyDictionary()

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        if classifier not in self._maps:
            self._maps[classifier] = ClassActivationMap(classifier)
        with torch.no_grad():
            return self._maps[classifier].to(images.device).logit_map(classifier(images).stages, targets)


class GradCam(Method):
    """Sum of the last feature maps, weighted by their mean gradients, without its negative part.

    As [Selvaraju et al. 2017](https://arxiv.org/abs/1610.02391), Eq. 1 and 2, define it:
    `ReLU(sum_k w_k A_k)` with `w_k = mean over places of dS_c / dA_k`, where `A_k` is the k-th of the last feature
    maps and `S_c` the logit of class c. The map has the resolution of the features.
    """

    name = "grad-cam"
    title = "Grad-CAM"
    paper = "Selvaraju et al., Grad-CAM, ICCV 2017"

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:
        stages, logits = classifier(images.detach().requires_grad_())
        features = stages[-1]
        gradients = torch.autograd.grad(target_scores(logits, targets).sum(), features)[0]
        return (self._weights(features, gradients) * features).sum(dim=1).relu()

    def _weights(self, features: Tensor, gradients: Tensor) -> Tensor:
        """Return the N x C x 1 x 1 weights of N x C x h x w features with the given gradients."""
        return gradients.mean(dim=(2, 3), keepdim=True)


class GradCamPlusPlus(GradCam):
    """Grad-CAM whose channel weights are weighted sums of the positive gradients.

    As [Chattopadhay et al. 2018](https://arxiv.org/abs/1710.11063), Eq. 19, define it for the score `exp(S_c)`:
    `w_k = sum over places of a ReLU(g)` with `g = dS_c / dA_k` and
    `a = g^2 / (2 g^2 + g^3 * sum over places of A_k)`. The factor `exp(S_c)` that all weights of an image share is
    left out: it only scales the map, and could overflow.
    """

    name = "grad-cam++"
    title = "Grad-CAM++"
    paper = "Chattopadhay et al., Grad-CAM++, WACV 2018"

    def _weights(self, features: Tensor, gradients: Tensor) -> Tensor:
        # `a` with g^2 cancelled; where g is 0 the weight is 0 for any `a`.
        denominator = 2 + gradients * features.sum(dim=(2, 3), keepdim=True)
        shares = torch.where(denominator.abs() > _SMALLEST_DENOMINATOR, 1 / denominator, 0)
        return (shares * gradients.relu()).sum(dim=(2, 3), keepdim=True)


_SMALLEST_DENOMINATOR = 1e-6
