"""The mask predictor: an explainer that reads a classifier's features and is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.functional import EPSILON
from whyframe_training.predictor.controllers import Controller, build_controller
from whyframe_training.predictor.generators import MaskGenerator, build_generator, enlarge
from whyframe_training.predictor.scales import scale_groups


class MaskPredictor(nn.Module):
    """A generator of mask logits, followed by a distribution controller (Fu et al. 2022, Eqs. 4 to 7).

    The classification loss ranks a few pixels of an object well and leaves the order of the others to chance. The
    class activation map gives them an order: the logits become `norm(generator) + cam_weight * norm(activation)`,
    where `norm` is Eq. 5 and the activation is that of the feature filter. This happens after training, whose loss
    is computed without it.

    Args:
        generator: Module from features and class ids to logits.
        controller: Module from logits to scores.
        cam_weight: Weight of the class activation map. 0 is the predictor of Fu et al. (2022); with a larger weight
            the mask covers more of the object, and ranks its pixels a little less faithfully.
    """

    def __init__(self, generator: MaskGenerator, controller: Controller, cam_weight: float = 0.0) -> None:
        super().__init__()
        self.generator, self.controller, self.cam_weight = generator, controller, cam_weight

    def logit_map(self, stages: Sequence[Tensor], class_id: Tensor) -> Tensor:
        """Return the logits that the controller takes.

        Args:
            stages: Features from fine to coarse and the last features, N x C x h x w each.
            class_id: N class ids to explain.

        Returns:
            N x h x w, at the size of the finest features or up to four times as large, float32.
        """
        output = self.generator(stages, class_id)
        if not self.cam_weight:
            return output.logit_map
        activation = enlarge(output.activation.float(), output.logit_map.shape[-2:], "bilinear")
        # PyTorch's own operator exports as a single node; like Eq. 5 it keeps a constant map constant.
        logits = F.instance_norm(output.logit_map[:, None], eps=EPSILON)
        coarse = F.instance_norm(activation, eps=EPSILON)
        return (logits + self.cam_weight * coarse).squeeze(1)

    def forward(self, stages: Sequence[Tensor], class_id: Tensor) -> Tensor:
        """Return the masks of the classes, N x h x w scores in [0, 1], float32; arguments as for `logit_map`."""
        return self.controller(self.logit_map(stages, class_id))


def build_predictor(
    classifier: Classifier,
    generator: Mapping[str, Any],
    controller: Mapping[str, Any],
    cam_weight: float = 0.0,
) -> MaskPredictor:
    """Build an untrained mask predictor for a classifier.

    The class embedding of its feature filter starts from the classifier's last linear layer, if that takes as many
    channels as the last features have.

    Args:
        classifier: The classifier to explain.
        generator: Generator and channels, as in `TrainConfig.generator`.
        controller: Controller and parameters, as in `TrainConfig.controller`.
        cam_weight: Weight of the class activation map, see `MaskPredictor`.

    Raises:
        ValueError: There is no such generator or controller.
    """
    last = classifier.last_linear()
    embedding = None if last is None else last.weight.detach()
    groups = scale_groups(classifier.taps, classifier.input)
    built = build_generator(generator, classifier.channels, len(classifier.labels), embedding, groups)
    return MaskPredictor(built, build_controller(controller), cam_weight)
