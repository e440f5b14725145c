"""A `Classifier` around any small module, without a search for stages, labels or normalisation."""

from collections.abc import Sequence

import torch
from torch import nn

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.classifiers.feature_taps import Tap
from whyframe_training.classifiers.outputs import Outputs


class BareClassifier(Classifier):
    """A classifier of images of any size and number of channels; its stages are the outputs of named modules."""

    def __init__(self, module: nn.Module, taps: Sequence[str] = (), mean: float = 0.0) -> None:
        nn.Module.__init__(self)
        self.name, self.labels = "bare", ()
        self.input, self.outputs = InputSpec(), Outputs.logits
        self.taps = tuple(Tap(name, "nchw", 0, 0, 0, 0) for name in taps)  # maps are read whatever their size
        self.module = module.eval().requires_grad_(False)
        first = next(module.parameters())
        self.register_buffer("mean", torch.full((1, 1, 1, 1), mean).to(first))
        self.register_buffer("std", torch.ones(1, 1, 1, 1).to(first))
