"""Class activation maps: sums of the last features, weighted by a class's weights or gradients."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from whyframe_evaluation.methods.class_scores import of_target
from whyframe_evaluation.methods.method import Method, Progress
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.predictor.mask_predictor import ClassActivationMap

__all__ = ["Cam", "GradCam", "GradCamPlusPlus"]


class Cam(Method):
    """`sum over k of w_ck A_k`, the last features weighted by the linear layer, h x w of both signs, no ReLU.

    For networks that end in global average pooling and one linear layer; others raise `ClassifierError`.
    That end is looked for once a classifier, with two pictures.
    """

    name = "cam"
    title = "CAM"
    paper = "Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016"

    def __init__(self) -> None:
        self._maps: WeakKeyDictionary[Classifier, ClassActivationMap] = WeakKeyDictionary()

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        if classifier not in self._maps:
            self._maps[classifier] = ClassActivationMap(classifier)
        with torch.no_grad():
            return self._maps[classifier].to(images.device).logit_map(classifier(images).stages, targets)


class GradCam(Method):
    """`ReLU(sum over k of w_k A_k)`, `w_k = mean over places of dS_c / dA_k`, A the last features, h x w."""

    name = "grad-cam"
    title = "Grad-CAM"
    paper = "Selvaraju et al., Grad-CAM, ICCV 2017"

    def _explain(self, classifier: Classifier, images: Tensor, targets: Tensor, progress: Progress) -> Tensor:  # noqa: ARG002
        seen = classifier(images.detach().requires_grad_())
        features = seen.stages[-1]
        slopes = torch.autograd.grad(of_target(seen.logits, targets).sum(), features)[0]
        return (self._weights(features, slopes) * features).sum(dim=1).relu()

    def _weights(self, features: Tensor, slopes: Tensor) -> Tensor:  # noqa: ARG002
        """N x C x h x w features and gradients to N x C x 1 x 1 weights."""
        return slopes.mean(dim=(2, 3), keepdim=True)


class GradCamPlusPlus(GradCam):
    """Grad-CAM with `w_k = sum over places of a ReLU(g)`, `a = g^2 / (2 g^2 + g^3 sum over places of A_k)`.

    The score is `exp(S_c)`, whose higher derivatives are powers of `g = dS_c / dA_k` (Eq. 19); its common factor
    `exp(S_c)` scales a whole map and is left out: it would overflow.
    """

    name = "grad-cam++"
    title = "Grad-CAM++"
    paper = "Chattopadhay et al., Grad-CAM++, WACV 2018"

    def _weights(self, features: Tensor, slopes: Tensor) -> Tensor:
        # a, with g^2 cancelled: where the gradient is zero its weight is zero, whatever a.
        bottom = 2 + slopes * features.sum(dim=(2, 3), keepdim=True)
        shares = torch.where(bottom.abs() > _TINY, 1 / bottom, 0)
        return (shares * slopes.relu()).sum(dim=(2, 3), keepdim=True)


_TINY = 1e-6
