"""The class activation map: an explainer without training, of networks that end in a linear layer and pooling."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from whyframe_training.classifiers.classifier import Classifier, ClassifierError
from whyframe_training.predictor.min_max import MinMax


class ClassActivationMap(nn.Module):
    """CAM, `<X, w_c>`, of a network that ends in pooling and a linear layer, in either order.

    It has the size of the last features.

    There is no ReLU. Each map is scaled to [0, 1] by its own range; a constant map gives zeros.

    Args:
        classifier: A classifier with a `head()`.

    Raises:
        ClassifierError: `Classifier.head` finds no such end of the network.
    """

    weight: Tensor

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        head = classifier.head()
        if head is None:
            raise ClassifierError(
                f"{classifier.name} does not end in global average pooling and one linear layer, so it has no class "
                "activation map: use --explainer forward, or train a mask predictor with `whyframe train`"
            )
        self.register_buffer("weight", head.weight.detach().clone())
        self.controller = MinMax()

    def logit_map(self, stages: Sequence[Tensor], class_id: Tensor) -> Tensor:
        """Return the contribution of each cell of the last features to the class logit.

        Args:
            stages: Features, N x C x h x w each; only the last features are read.
            class_id: N class ids to explain.

        Returns:
            N x h x w at the size of the last features, float32.
        """
        last = stages[-1]
        n, _, height, width = last.shape
        product = torch.bmm(self.weight[class_id][:, None].to(last.dtype), last.flatten(2))
        return product.view(n, height, width).float()

    def forward(self, stages: Sequence[Tensor], class_id: Tensor) -> Tensor:
        """Return the maps of the classes, N x h x w scores in [0, 1], float32; arguments as for `logit_map`."""
        return self.controller(self.logit_map(stages, class_id))
