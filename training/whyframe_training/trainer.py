"""The two stages of training: the feature filter, then the mask predictor under its objective."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from whyframe_training.checkpoint import load_checkpoint, load_predictor, save_checkpoint
from whyframe_training.classifiers.classifier import Classifier, build_classifier
from whyframe_training.config import TrainConfig
from whyframe_training.data import CropStream, to_images
from whyframe_training.perturb import GaussianBlur, random_backgrounds
from whyframe_training.predictor.mask_predictor import build_predictor

FILTER_LEARNING_RATE = 2e-2
CHECKPOINT_EVERY = 100
TOP = 5


@dataclass(frozen=True)
class Step:
    """Progress of a run: stage 1 or 2, steps done of the stage's steps, and the last loss."""

    stage: int
    done: int
    steps: int
    loss: float


def pick_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Trainer:
    """Trains one mask predictor on one frozen classifier; resumes where a checkpoint was left.

    Everything random in a step comes from the seed and the step's number, so a resumed run takes the same steps
    as one that was never stopped.

    Args:
        config: the run's settings.
        images: training files.
        folder: where checkpoints live.
        device: the GPU where there is one, if not given.
    """

    def __init__(
        self, config: TrainConfig, images: list[Path], folder: Path, device: torch.device | None = None
    ):
        torch.manual_seed(config.seed)
        self.config, self.folder = config, folder
        self.device = device or pick_device()
        self.classifier = build_classifier(config.classifier)
        self.predictor = build_predictor(config, self.classifier).to(self.device)
        self.encoder = self._frozen_encoder()
        self.blur = GaussianBlur(self.classifier.side).to(self.device)
        self.stream = CropStream(images, self.classifier.side, config.seed)
        self.steps = max(1, round(config.epochs * len(images)) // config.batch)
        self.optimizers = {1: self._filter_optimizer(), 2: self._decoder_optimizer()}
        self.scheduler = torch.optim.lr_scheduler.StepLR(
            self.optimizers[2], max(1, self.steps * 3 // 10), gamma=0.5
        )
        self.done = {1: 0, 2: 0}
        self.sheet: list[tuple[int, Tensor]] = []
        if config.start_from is not None:
            self._start_from(Path(config.start_from))
        load_checkpoint(self)

    def run(self) -> Iterator[Step]:
        """Takes the steps that are left, saving a checkpoint every so often; yields after each."""
        yield from self._stage(1, self.config.filter_steps, self._filter_loss)
        yield from self._stage(2, self.steps, self._mask_loss)

    def masks(self, frames: Tensor) -> Tensor:
        """The masks of the predicted classes of N x S x S x 3 uint8 frames, as training sees them: N x h x w."""
        self.predictor.eval()
        with torch.no_grad(), self._autocast():
            seen = self.encoder(self._typed(to_images(frames, self.device)))
            return self.predictor(seen.stages, seen.logits.argmax(dim=1)).float().cpu()

    def _stage(
        self, stage: int, steps: int, loss_of: Callable[[Tensor, torch.Generator], Tensor]
    ) -> Iterator[Step]:
        optimizer = self.optimizers[stage]
        for frames in self._batches(stage, steps):
            self.predictor.train(stage == 2)
            loss = loss_of(to_images(frames, self.device), self._noise(stage))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if stage == 2:
                self.scheduler.step()
            self.done[stage] += 1
            if self.done[stage] % CHECKPOINT_EVERY == 0 or self.done[stage] == steps:
                save_checkpoint(self)
            yield Step(stage, self.done[stage], steps, float(loss.detach()))

    def _batches(self, stage: int, steps: int) -> Iterator[Tensor]:
        size = self.config.batch
        workers = 4 if self.device.type == "cuda" else 0
        return self.stream.batches(self.done[stage] * size, steps * size, size, workers)

    def _noise(self, stage: int) -> torch.Generator:
        return torch.Generator().manual_seed((self.config.seed * 2 + stage) * 10**9 + self.done[stage])

    def _filter_loss(self, images: Tensor, noise: torch.Generator) -> Tensor:
        """A.1: the filter opens on the class that is there, and shuts on one that is not."""
        with torch.no_grad():
            seen = self.encoder(self._typed(images))
        real = torch.rand(len(images), generator=noise) < 0.5
        classes = seen.logits.shape[1]
        shift = torch.randint(1, classes, (len(images),), generator=noise)
        predicted = seen.logits.argmax(dim=1)
        real, shift = real.to(self.device), shift.to(self.device)
        target = torch.where(real, predicted, (predicted + shift) % classes)
        _, activation = self.predictor.generator.filter(seen.stages[-1].float(), target)
        opened = torch.sigmoid(activation).mean(dim=(1, 2, 3)).clamp(1e-6, 1 - 1e-6)
        return F.binary_cross_entropy(opened, real.float())

    def _mask_loss(self, images: Tensor, noise: torch.Generator) -> Tensor:
        """The run's objective, Eq. 8 unless another was asked for, on the images seen through their masks."""
        with torch.no_grad():
            seen = self.encoder(self._typed(images))
            target = choose_targets(seen.logits, self.config.predicted_share, noise)
            background = random_backgrounds(images, self.blur, noise)
        with self._autocast():
            logit_map = self.predictor.generator(seen.stages, target).logit_map
        mask = self.predictor.controller.spread(logit_map, self.config.spread, noise)
        return self.config.objective.loss(self._classify, images, mask, background, target)

    def _classify(self, images: Tensor) -> Tensor:
        return self.encoder.logits(self._typed(images))

    def _start_from(self, folder: Path) -> None:
        """Takes another run's predictor, its feature filter included, which is then not trained again."""
        started, _ = load_predictor(folder, self.config, self.classifier)
        self.predictor.load_state_dict(started.state_dict())
        self.done[1] = self.config.filter_steps

    def _frozen_encoder(self) -> Classifier:
        """The classifier in the run's precision; the float32 one stays as it is, for evaluation and export."""
        encoder = copy.deepcopy(self.classifier).to(self.device).to(memory_format=torch.channels_last)
        return encoder.bfloat16() if self.config.precision == "bf16" else encoder

    def _typed(self, images: Tensor) -> Tensor:
        typed = images.bfloat16() if self.config.precision == "bf16" else images
        return typed.contiguous(memory_format=torch.channels_last)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")

    def _filter_optimizer(self) -> torch.optim.Optimizer:
        """Where the embedding is the classifier's own last layer, only its gain and offset are learned."""
        part = self.predictor.generator.filter
        part.embedding.requires_grad_(self.classifier.head() is None)
        learned = [p for p in part.parameters() if p.requires_grad]
        return torch.optim.Adam(learned, lr=FILTER_LEARNING_RATE)

    def _decoder_optimizer(self) -> torch.optim.Optimizer:
        generator = self.predictor.generator
        frozen = {id(p) for p in generator.filter.parameters()}
        learned = [p for p in generator.parameters() if id(p) not in frozen]
        return torch.optim.Adam(learned, lr=self.config.learning_rate)


def choose_targets(logits: Tensor, predicted_share: float, noise: torch.Generator) -> Tensor:
    """Mostly the predicted class, else one of the other top five, drawn evenly.

    Args:
        logits: N x classes.
        predicted_share: probability of the predicted class.
        noise: a CPU generator.

    Returns:
        N class ids, int64.
    """
    top = logits.topk(min(TOP, logits.shape[1]), dim=1).indices
    other = torch.randint(1, max(2, top.shape[1]), (len(top),), generator=noise)
    place = torch.where(torch.rand(len(top), generator=noise) < predicted_share, 0, other)
    place = place.clamp_max(top.shape[1] - 1).to(top.device)
    return top.gather(1, place[:, None])[:, 0]
