"""Explainers over a classifier's features: the mask predictor, and the class activation map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from whyframe_training.classifiers.classifier import Classifier, ClassifierError
from whyframe_training.config import TrainConfig
from whyframe_training.functional import EPSILON
from whyframe_training.predictor.controllers import Controller, build_controller
from whyframe_training.predictor.generators import MaskGenerator, build_generator, enlarge


class MaskPredictor(nn.Module):
    """Generator and controller: features and a class to a mask (Eqs. 4 to 7).

    The classification loss ranks a few pixels of an object sharply and leaves the rest of it to chance. The anchor
    settles the rest: both maps normalised (Eq. 5), that share of the feature filter's activation is added to the
    generator's logits. It is no part of the loss, which sees the generator alone.

    Args:
        generator: features and a class to logits.
        controller: logits to scores.
        anchor: 0 is the paper's predictor; larger covers more of the object and ranks a little less faithfully.
    """

    def __init__(self, generator: MaskGenerator, controller: Controller, anchor: float = 0.0) -> None:
        super().__init__()
        self.generator, self.controller, self.anchor = generator, controller, anchor

    def logit_map(self, stages: Sequence[Tensor], class_id: Tensor) -> Tensor:
        """N x h x w, float32: the scores before the controller."""
        seen = self.generator(stages, class_id)
        if not self.anchor:
            return seen.logit_map
        activation = enlarge(seen.activation.float(), seen.logit_map.shape[-2:], "bilinear")
        # PyTorch's own operator exports as one node; a constant map stays constant, which is all that matters here.
        own, coarse = (F.instance_norm(one, eps=EPSILON) for one in (seen.logit_map[:, None], activation))
        return (own + self.anchor * coarse).squeeze(1)

    def forward(self, stages: Sequence[Tensor], class_id: Tensor) -> Tensor:
        """Features at strides 4, 8, 16 and the last ones, and N classes, to N x h x w scores in [0, 1]."""
        return self.controller(self.logit_map(stages, class_id))


def build_predictor(config: TrainConfig, classifier: Classifier) -> MaskPredictor:
    """The untrained predictor of a run, its class embedding started from the classifier's last linear layer."""
    head = classifier.head()
    embedding = None if head is None else head.weight.detach()
    generator = build_generator(config.generator, classifier.channels, len(classifier.labels), embedding)
    return MaskPredictor(generator, build_controller(config.controller), config.anchor)


class ClassActivationMap(nn.Module):
    """CAM: `<X, w_c>` of a network that ends in pooling and a linear layer, at the last features' size.

    No ReLU and no tuning; each map is scaled to [0, 1] by its own range. A constant map gives zeros.

    Args:
        classifier: one with a `head()`.

    Raises:
        ClassifierError: the network does not end in pooling and a linear layer.
    """

    weight: Tensor

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        head = classifier.head()
        if head is None:
            raise ClassifierError(
                f"{classifier.name} does not end in global average pooling and one linear layer, "
                "so it has no class activation map: train a mask predictor with `whyframe train`"
            )
        self.register_buffer("weight", head.weight.detach().clone())
        self.controller = MinMax()

    def logit_map(self, stages: Sequence[Tensor], class_id: Tensor) -> Tensor:
        """N x h x w, float32: the class's evidence at each place of the last features."""
        last = stages[-1]
        n, _, height, width = last.shape
        product = torch.bmm(self.weight[class_id][:, None].to(last.dtype), last.flatten(2))
        return product.view(n, height, width).float()

    def forward(self, stages: Sequence[Tensor], class_id: Tensor) -> Tensor:
        """Features and N classes to N x h x w scores in [0, 1]."""
        return self.controller(self.logit_map(stages, class_id))


class MinMax(nn.Module):
    """Scales each map to [0, 1] by its own range; a constant map gives zeros."""

    name = "minmax"

    def forward(self, logit_map: Tensor) -> Tensor:
        """N x h x w, any range, to [0, 1]."""
        low, high = logit_map.amin((-2, -1), keepdim=True), logit_map.amax((-2, -1), keepdim=True)
        return (logit_map - low) / (high - low).clamp_min(torch.finfo(logit_map.dtype).tiny)

    def to_dict(self) -> dict[str, Any]:
        """The manifest's entry."""
        return {"name": self.name}
