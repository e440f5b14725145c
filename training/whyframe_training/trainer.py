"""Training in two stages: first the feature filter, then the mask predictor under its objective."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_training.checkpoint import CHECKPOINT, load_checkpoint, load_predictor, save_checkpoint
from whyframe_training.classifiers.classifier import Classifier, build_classifier
from whyframe_training.config import RunError, TrainConfig
from whyframe_training.data import CropStream, to_images
from whyframe_training.perturb import GaussianBlur, random_backgrounds
from whyframe_training.predictor.mask_predictor import build_predictor
from whyframe_training.target_choice import (
    choose_filter_labels,
    choose_filter_targets,
    choose_target_labels,
    choose_targets,
)

FILTER_LEARNING_RATE = 2e-2
CHECKPOINT_EVERY = 100
STAGES = {1: "feature filter", 2: "mask predictor"}
"""What each stage trains."""


@dataclass(frozen=True)
class Step:
    """A finished training step.

    Attributes:
        stage: 1 or 2.
        done: Number of finished steps of the stage.
        steps: Number of steps of the complete stage.
        loss: Loss of the step.
    """

    stage: int
    done: int
    steps: int
    loss: float


def pick_device() -> torch.device:
    """Return the GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Trainer:
    """Training of a mask predictor on a frozen classifier, resumed from the folder's checkpoint.

    Every random choice of a step depends only on the seed and the number of the step, so a resumed run takes
    exactly the steps of an uninterrupted run.

    Args:
        config: Settings of the run.
        images: Image files to train on.
        folder: Folder of the checkpoint.
        device: Device to train on; None takes the GPU where there is one.
    """

    def __init__(
        self, config: TrainConfig, images: list[Path], folder: Path, device: torch.device | None = None
    ):
        torch.manual_seed(config.seed)
        self.config, self.folder = config, folder
        self.device = device or pick_device()
        self.classifier = build_classifier(config.classifier)
        predictor = build_predictor(self.classifier, config.generator, config.controller, config.cam_weight)
        self.predictor = predictor.to(self.device)
        self.encoder = self.make_encoder()
        self.blur = GaussianBlur(*self.classifier.input.shape[:2]).to(self.device)
        self.stream = CropStream(images, self.classifier.input, config.seed)
        self.steps = {1: config.filter_steps, 2: max(1, round(config.epochs * len(images)) // config.batch)}
        self.done = {1: 0, 2: 0}
        self.optimizers = {1: self.filter_optimizer(), 2: self.decoder_optimizer()}
        self.scheduler = torch.optim.lr_scheduler.StepLR(
            self.optimizers[2], max(1, self.steps[2] * 3 // 10), gamma=0.5
        )
        self.sheet: list[tuple[int, Tensor]] = []
        self._restore()

    def run(self) -> Iterator[Step]:
        """Take the remaining steps of both stages, and yield each."""
        for stage in STAGES:
            yield from self.run_stage(stage)

    def run_stage(self, stage: int) -> Iterator[Step]:
        """Take the remaining steps of a stage, and yield each. Every 100 steps a checkpoint is saved."""
        steps = self.steps[stage]
        for frames in self.batches(stage):
            loss = self.take_step(stage, frames)
            if self.done[stage] % CHECKPOINT_EVERY == 0 or self.done[stage] == steps:
                self.save()
            yield Step(stage, self.done[stage], steps, loss)

    def take_step(self, stage: int, frames: Tensor) -> float:
        """Take one step of a stage, without a checkpoint, and return its loss.

        Args:
            stage: 1 or 2.
            frames: N x S x S x 3 uint8 RGB, the crops of the step.
        """
        self.predictor.train(stage == 2)
        loss = self._losses()[stage](to_images(frames, self.device), self._step_rng(stage))
        self._update(stage, loss)
        return float(loss.detach())

    def batches(self, stage: int) -> Iterator[Tensor]:
        """Return the crops of the remaining steps of a stage, N x S x S x 3 uint8 RGB for each step."""
        size = self.config.batch
        workers = 4 if self.device.type == "cuda" else 0
        return self.stream.batches(self.done[stage] * size, self.steps[stage] * size, size, workers)

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(self.folder, self.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a later trainer needs to continue the run.

        Returns:
            `predictor`, `optimizers` by stage, `scheduler`, `done` (finished steps by stage) and `sheet` (the rows
            of the contact sheet).
        """
        return {
            "predictor": self.predictor.state_dict(),
            "optimizers": {stage: optimizer.state_dict() for stage, optimizer in self.optimizers.items()},
            "scheduler": self.scheduler.state_dict(),
            "done": dict(self.done),
            "sheet": list(self.sheet),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned in an earlier process."""
        steps = {stage: state["done"][stage] for stage in STAGES}
        if any(steps[stage] > self.steps[stage] for stage in STAGES):
            raise ValueError("more steps than the run has")
        self.predictor.load_state_dict(state["predictor"])
        for stage, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][stage])
        self.scheduler.load_state_dict(state["scheduler"])
        self.done, self.sheet = steps, [(int(step), masks.float()) for step, masks in state["sheet"]]

    def masks(self, frames: Tensor) -> Tensor:
        """Return the masks of the predicted classes, in the arithmetic of the training.

        Args:
            frames: N x H x W x C uint8 RGB.

        Returns:
            N x h x w scores in [0, 1], float32, on the CPU.
        """
        self.predictor.eval()
        with torch.no_grad(), self.autocast():
            features = self.encoder(self.to_precision(to_images(frames, self.device)))
            return self.predictor(features.stages, features.logits.argmax(dim=1)).float().cpu()

    def filter_loss(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Return the loss of stage one (Fu et al. 2022, appendix A.1), a scalar.

        The filter's mean attention is trained towards 1 for the predicted class, and towards 0 for a class drawn from
        the others. With a multi-label classifier it is trained towards 1 for a label that is present, and towards 0 for
        one that is absent.

        Args:
            images: N x C x H x W in [0, 1].
            rng: Generator of the step, on the CPU.
        """
        with torch.no_grad():
            features = self.encoder(self.to_precision(images))
        draw = choose_filter_targets if self.classifier.exclusive else choose_filter_labels
        target, present = draw(features.logits, rng)
        _, activation = self.predictor.generator.filter(features.stages[-1].float(), target)
        return F.binary_cross_entropy(mean_attention(activation), present.float())

    def mask_loss(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Return the loss of stage two: the run's objective for the masks of targets drawn by `choose_targets`.

        Args:
            images: N x C x H x W in [0, 1].
            rng: Generator of the step, on the CPU.
        """
        with torch.no_grad():
            features = self.encoder(self.to_precision(images))
        draw = choose_targets if self.classifier.exclusive else choose_target_labels
        target = draw(features.logits, self.config.predicted_share, rng)
        return self.predictor_loss(images, features.stages, target, rng)

    def predictor_loss(
        self, images: Tensor, stages: tuple[Tensor, ...], target: Tensor, rng: torch.Generator
    ) -> Tensor:
        """Return the run's objective for the predictor's masks, a scalar.

        Args:
            images: N x C x H x W in [0, 1].
            stages: Features of the images at strides 4, 8 and 16 and the last features, N x C x h x w each.
            target: N class ids.
            rng: Generator of the step, on the CPU.
        """
        with torch.no_grad():
            backgrounds = random_backgrounds(images, self.blur, rng)
        with self.autocast():
            logit_map = self.predictor.generator(stages, target).logit_map
        mask = self.predictor.controller.jitter(logit_map, self.config.controller_jitter, rng)
        return self.config.objective.loss(
            self.classify, images, mask, backgrounds, target, exclusive=self.classifier.exclusive
        )

    def classify(self, images: Tensor) -> Tensor:
        """Return the classifier's logits (N x classes) of N x C x H x W images in [0, 1]."""
        return self.encoder.logits(self.to_precision(images))

    def make_encoder(self) -> Classifier:
        """Return a copy of the classifier in the run's precision, on the run's device."""
        encoder = copy.deepcopy(self.classifier).to(self.device).to(memory_format=torch.channels_last)
        return encoder.bfloat16() if self.config.precision == "bf16" else encoder

    def to_precision(self, images: Tensor) -> Tensor:
        """Return the images in the run's precision, channels last in memory."""
        cast = images.bfloat16() if self.config.precision == "bf16" else images
        return cast.contiguous(memory_format=torch.channels_last)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which the generator computes in the run's precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")

    def filter_optimizer(self) -> torch.optim.Optimizer:
        """Return the optimizer of stage one.

        The class embedding is trained only where it could not be copied from the classifier's last layer.
        """
        feature_filter = self.predictor.generator.filter
        feature_filter.embedding.requires_grad_(self.classifier.head() is None)
        trained = [p for p in feature_filter.parameters() if p.requires_grad]
        return torch.optim.Adam(trained, lr=FILTER_LEARNING_RATE)

    def decoder_optimizer(self) -> torch.optim.Optimizer:
        """Return the optimizer of stage two, which trains the generator without its filter."""
        generator = self.predictor.generator
        frozen = {id(p) for p in generator.filter.parameters()}
        trained = [p for p in generator.parameters() if id(p) not in frozen]
        return torch.optim.Adam(trained, lr=self.config.learning_rate)

    def _restore(self) -> None:
        """Load the weights of the run to start from, if any, then the folder's checkpoint, if any."""
        if self.config.start_from is not None:
            started, _ = load_predictor(Path(self.config.start_from), self.config, self.classifier)
            self.predictor.load_state_dict(started.state_dict())
            self.done[1] = self.steps[1]  # the filter is loaded too, and is not trained again
        state = load_checkpoint(self.folder)
        if state is not None:
            try:
                self.load_state_dict(state)
            except (RuntimeError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
                raise RunError(
                    f"{self.folder / CHECKPOINT} does not fit the run's settings: train into a new folder"
                ) from error

    def _losses(self) -> dict[int, Callable[[Tensor, torch.Generator], Tensor]]:
        return {1: self.filter_loss, 2: self.mask_loss}

    def _step_rng(self, stage: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.config.seed * 2 + stage) * 10**9 + self.done[stage])

    def _update(self, stage: int, loss: Tensor) -> None:
        optimizer = self.optimizers[stage]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if stage == 2:
            self.scheduler.step()
        self.done[stage] += 1


def mean_attention(activation: Tensor) -> Tensor:
    """Return the mean of the feature filter's attention `sigmoid(a)`, N values in (0, 1), of N x 1 x h x w a."""
    return torch.sigmoid(activation).mean(dim=(1, 2, 3)).clamp(1e-6, 1 - 1e-6)
