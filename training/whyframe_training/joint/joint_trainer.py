"""Training of a classifier and its mask predictor at once."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from whyframe_training.classifiers.classifier import Classifier, ClassifierError, build_classifier
from whyframe_training.config import TrainConfig
from whyframe_training.joint.classifier_weights import last_linear, save_weights, unfold_batch_norms
from whyframe_training.joint.labelled import Labelled, LabelledCrops
from whyframe_training.trainer import FILTER_LEARNING_RATE, Step, Trainer, mean_attention

CLASSIFIER = "classifier.safetensors"
CLASSIFIER_SHARE = 1 / 40
"""Learning rate of the classifier, as a share of the run's: its pretrained weights need small changes only."""
LAST_LAYER_FACTOR = 10
"""Learning rate of the new last layer in stage one, over that of the rest of the classifier."""


class JointTrainer(Trainer):
    """Training of a classifier and its mask predictor on the same crops, resumed from the folder's checkpoint.

    Stage one trains the classifier's last layer and the feature filter. Stage two trains everything on
    `CE(f(I), y) + weight * CE(f(phi(I, M)), y)`, where M is the mask of the true class y. The second term is Eq. 8
    (or another objective of the run). Its gradient reaches the predictor, and the classifier in two ways: through the
    features that the predictor reads, and through f. The classifier's batch norms are folded, so its statistics stay
    fixed.

    Where the network ends in pooling and a linear layer, the class embedding of the feature filter and the weight of
    that layer are the same parameter.

    Args:
        config: Settings of the run; the weights of its classifier are those to start from.
        labelled: Images to train on, with their classes.
        folder: Folder of the checkpoint and of the classifier's weights.
        weight: Weight of the predictor's term; 0 trains the classifier alone.
        device: Device to train on; None takes the GPU where there is one.

    Raises:
        ClassifierError: The classifier cannot be built, or is a multi-label classifier.
    """

    stream: LabelledCrops

    def __init__(
        self,
        config: TrainConfig,
        labelled: Labelled,
        folder: Path,
        weight: float = 1.0,
        device: torch.device | None = None,
    ) -> None:
        self.weight = weight
        super().__init__(config, list(labelled.paths), folder, device)
        if not self.classifier.exclusive:
            raise ClassifierError(
                f"{self.classifier.name} is a multi-label classifier, and --joint trains for one class an image: leave "
                "out --joint to train a mask predictor for it"
            )
        self.stream = LabelledCrops(labelled, self.classifier.input, config.seed)
        self.network = build_classifier(config.classifier, fold=False).module
        self.save_classifier()

    def run_stage(self, stage: int) -> Iterator[Step]:
        """Take the remaining steps of a stage, and yield each."""
        self.encoder.module.requires_grad_(stage == 2)
        last_linear(self.encoder.module).requires_grad_(True)
        yield from super().run_stage(stage)

    def save(self) -> None:
        """Write the checkpoint, then the classifier's weights."""
        super().save()
        self.save_classifier()

    def save_classifier(self) -> None:
        """Write the classifier's weights as the run's `ClassifierSpec` loads them."""
        state = unfold_batch_norms(self.network, self.encoder.module, self.classifier.input)
        save_weights(state, self.folder / CLASSIFIER)

    def filter_loss(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Return the loss of stage one, a scalar: cross-entropy of the classifier plus that of the filter.

        The filter's term (Fu et al. 2022, appendix A.1) uses the true classes, and trains only the filter.

        Args:
            images: N x 3 x S x S in [0, 1].
            rng: Generator of the step, on the CPU.
        """
        target = self._true_classes(1)
        with self.autocast():
            features = self.encoder(self.to_precision(images))
        classes = features.logits.shape[1]
        present = (torch.rand(len(images), generator=rng) < 0.5).to(self.device)
        shift = torch.randint(1, classes, (len(images),), generator=rng).to(self.device)
        class_id = torch.where(present, target, (target + shift) % classes)
        attention = self.filter_attention(features.stages[-1].detach().float(), class_id)
        classified = F.cross_entropy(features.logits.float(), target)
        return classified + F.binary_cross_entropy(attention, present.float())

    def filter_attention(self, features: Tensor, class_id: Tensor) -> Tensor:
        """Return the filter's mean attention to a class. Its gradient does not reach the classifier's last layer.

        Args:
            features: N x D x h x w last features.
            class_id: N class ids.

        Returns:
            N means in (0, 1).
        """
        feature_filter = self.predictor.generator.filter
        is_shared = feature_filter.embedding is last_linear(self.encoder.module).weight
        fixed = {"embedding": feature_filter.embedding.detach()} if is_shared else {}
        _, activation = functional_call(feature_filter, fixed, (features, class_id))
        return mean_attention(activation)

    def mask_loss(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Return the loss of stage two, a scalar: both terms, on the same crops.

        Args:
            images: N x 3 x S x S in [0, 1].
            rng: Generator of the step, on the CPU.
        """
        target = self._true_classes(2)
        with self.autocast():
            features = self.encoder(self.to_precision(images))
        classified = F.cross_entropy(features.logits.float(), target)
        if not self.weight:
            return classified
        return classified + self.weight * self.predictor_loss(images, features.stages, target, rng)

    def classify(self, images: Tensor) -> Tensor:
        """Return the classifier's logits (N x classes) of N x 3 x S x S images in [0, 1]."""
        with self.autocast():
            return super().classify(images)

    def make_encoder(self) -> Classifier:
        """Return a copy of the classifier that can be trained, in float32; autocast applies the run's precision."""
        encoder = copy.deepcopy(self.classifier).to(self.device).to(memory_format=torch.channels_last)
        encoder.module.requires_grad_(True)
        head = encoder.head()
        if head is not None and head is last_linear(encoder.module):
            assert isinstance(head.weight, nn.Parameter)
            self.predictor.generator.filter.embedding = head.weight
        return encoder

    def filter_optimizer(self) -> torch.optim.Optimizer:
        """Return the optimizer of stage one, which trains the filter and the classifier's last layer."""
        head = list(last_linear(self.encoder.module).parameters())
        trained = _without(self.predictor.generator.filter.parameters(), head)
        rate = self.config.learning_rate * CLASSIFIER_SHARE * LAST_LAYER_FACTOR
        return AdamWithWeights(
            [{"params": trained, "lr": FILTER_LEARNING_RATE}, {"params": head, "lr": rate}]
        )

    def decoder_optimizer(self) -> torch.optim.Optimizer:
        """Return the optimizer of stage two, which trains the generator without its filter, and the classifier."""
        generator, rate = self.predictor.generator, self.config.learning_rate
        trained = _without(generator.parameters(), list(generator.filter.parameters()))
        classifier = list(self.encoder.module.parameters())
        return AdamWithWeights(
            [{"params": trained, "lr": rate}, {"params": classifier, "lr": rate * CLASSIFIER_SHARE}]
        )

    def _true_classes(self, stage: int) -> Tensor:
        """Return the classes of the next step's images, N int64."""
        first = self.done[stage] * self.config.batch
        return self.stream.classes(range(first, first + self.config.batch)).to(self.device)


class AdamWithWeights(torch.optim.Adam):
    """Adam whose state includes the weights that it updates, so that a checkpoint holds the classifier's too."""

    def state_dict(self) -> dict[str, Any]:
        """Return Adam's state, and the weights."""
        return {**super().state_dict(), "weights": [p.detach() for p in self._weights()]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore Adam's state, and copy the weights into the parameters."""
        rest = dict(state_dict)
        weights = rest.pop("weights")
        super().load_state_dict(rest)
        with torch.no_grad():
            for own, saved in zip(self._weights(), weights, strict=True):
                own.copy_(saved)

    def _weights(self) -> Iterator[nn.Parameter]:
        for group in self.param_groups:
            yield from group["params"]


def _without(parameters: Iterator[nn.Parameter], left_out: list[nn.Parameter]) -> list[nn.Parameter]:
    ids = {id(parameter) for parameter in left_out}
    return [parameter for parameter in parameters if id(parameter) not in ids]
