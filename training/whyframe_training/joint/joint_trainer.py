"""Training of a classifier and its mask predictor at once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from whyframe_training import trainer as plain
from whyframe_training.classifiers.classifier import Classifier, build_classifier
from whyframe_training.config import TrainConfig
from whyframe_training.joint.classifier_weights import last_linear, save_weights, unfolded
from whyframe_training.joint.labelled import Labelled, LabelledCrops
from whyframe_training.perturb import random_backgrounds
from whyframe_training.trainer import FILTER_LEARNING_RATE, Step, Trainer

CLASSIFIER = "classifier.safetensors"
CLASSIFIER_SHARE = 1 / 40
"""Of the run's learning rate, for the classifier: its weights are good ones already."""
LAST_LAYER_LEAD = 10
"""Times as fast as the rest of the classifier, for its new last layer in stage one."""


class JointTrainer(Trainer):
    """Trains a classifier and its mask predictor on the same crops; resumes where a checkpoint was left.

    Stage one teaches the last layer its classes and the feature filter their places, stage two everything:
    `CE(f(I), y) + weight * CE(f(phi(I, M)), y)`, where M is the mask of the true class y. The second term is Eq. 8 (or
    another objective of the run's), whose gradient goes to the predictor, through its features to the classifier, and
    through f to the classifier again. The classifier's batch norms are folded, so its statistics never move.

    The class embedding of the feature filter is the last layer's weight itself, where the network ends in pooling and
    that layer.

    Args:
        config: the run's settings; the classifier's weights are those to start from.
        labelled: training photographs.
        folder: where checkpoints and the classifier's weights live.
        weight: of the predictor's term; 0 trains the classifier alone.
        device: the GPU where there is one, if not given.
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
        self.stream = LabelledCrops(labelled, self.classifier.side, config.seed)
        self.network = build_classifier(config.classifier, fold=False).module
        self.save_classifier()

    def run(self) -> Iterator[Step]:
        """Takes the steps that are left; the classifier's weights are written with each checkpoint."""
        for step in super().run():
            if step.done % plain.CHECKPOINT_EVERY == 0 or step.done == step.steps:
                self.save_classifier()
            yield step

    def save_classifier(self) -> None:
        """Writes the classifier's weights as the run's `ClassifierSpec` loads them."""
        state = unfolded(self.network, self.encoder.module, self.classifier.side)
        save_weights(state, self.folder / CLASSIFIER)

    def _stage(
        self, stage: int, steps: int, loss_of: Callable[[Tensor, torch.Generator], Tensor]
    ) -> Iterator[Step]:
        self.encoder.module.requires_grad_(stage == 2)
        last_linear(self.encoder.module).requires_grad_(True)
        yield from super()._stage(stage, steps, loss_of)

    def _targets(self, stage: int) -> Tensor:
        """The true classes of the step's batch."""
        first = self.done[stage] * self.config.batch
        return self.stream.classes(range(first, first + self.config.batch)).to(self.device)

    def _filter_loss(self, images: Tensor, noise: torch.Generator) -> Tensor:
        """The last layer's cross-entropy, and A.1 with the true classes, which moves the filter alone."""
        target = self._targets(1)
        with self._autocast():
            seen = self.encoder(self._typed(images))
        classes = seen.logits.shape[1]
        real = (torch.rand(len(images), generator=noise) < 0.5).to(self.device)
        shift = torch.randint(1, classes, (len(images),), generator=noise).to(self.device)
        asked = torch.where(real, target, (target + shift) % classes)
        opened = self._opening(seen.stages[-1].detach().float(), asked)
        return F.cross_entropy(seen.logits.float(), target) + F.binary_cross_entropy(opened, real.float())

    def _opening(self, features: Tensor, asked: Tensor) -> Tensor:
        """How far the filter opens on a class, its mean in (0, 1); no gradient reaches the last layer."""
        part = self.predictor.generator.filter
        fixed = (
            {}
            if part.embedding is not last_linear(self.encoder.module).weight
            else {"embedding": part.embedding.detach()}
        )
        _, activation = functional_call(part, fixed, (features, asked))
        return torch.sigmoid(activation).mean(dim=(1, 2, 3)).clamp(1e-6, 1 - 1e-6)

    def _mask_loss(self, images: Tensor, noise: torch.Generator) -> Tensor:
        """Both terms, on the same crops."""
        target = self._targets(2)
        with self._autocast():
            seen = self.encoder(self._typed(images))
        classified = F.cross_entropy(seen.logits.float(), target)
        if not self.weight:
            return classified
        background = random_backgrounds(images, self.blur, noise)
        with self._autocast():
            logit_map = self.predictor.generator(seen.stages, target).logit_map
        mask = self.predictor.controller.spread(logit_map, self.config.spread, noise)
        explained = self.config.objective.loss(self._classify, images, mask, background, target)
        return classified + self.weight * explained

    def _classify(self, images: Tensor) -> Tensor:
        with self._autocast():
            return super()._classify(images)

    def _frozen_encoder(self) -> Classifier:
        """The classifier that learns, in float32: arithmetic in bfloat16 is autocast's here."""
        encoder = copy.deepcopy(self.classifier).to(self.device).to(memory_format=torch.channels_last)
        encoder.module.requires_grad_(True)
        head = encoder.head()
        if head is not None:
            assert isinstance(head.weight, nn.Parameter)
            self.predictor.generator.filter.embedding = head.weight
        return encoder

    def _filter_optimizer(self) -> torch.optim.Optimizer:
        head = list(last_linear(self.encoder.module).parameters())
        learned = _without(self.predictor.generator.filter.parameters(), head)
        rate = self.config.learning_rate * CLASSIFIER_SHARE * LAST_LAYER_LEAD
        return WeightedAdam([{"params": learned, "lr": FILTER_LEARNING_RATE}, {"params": head, "lr": rate}])

    def _decoder_optimizer(self) -> torch.optim.Optimizer:
        generator, rate = self.predictor.generator, self.config.learning_rate
        learned = _without(generator.parameters(), list(generator.filter.parameters()))
        classifier = list(self.encoder.module.parameters())
        return WeightedAdam(
            [{"params": learned, "lr": rate}, {"params": classifier, "lr": rate * CLASSIFIER_SHARE}]
        )


class WeightedAdam(torch.optim.Adam):
    """Adam whose state holds the weights that it moves, so that a checkpoint of it has the classifier's too."""

    def state_dict(self) -> dict[str, Any]:
        """Adam's, and the weights."""
        return {**super().state_dict(), "weights": [p.detach() for p in self._weights()]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Adam's, and the weights in place."""
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
    known = {id(parameter) for parameter in left_out}
    return [parameter for parameter in parameters if id(parameter) not in known]
