"""Checkpoints: everything that a run needs to go on as if it had never stopped."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from whyframe_training.config import RunError, TrainConfig
from whyframe_training.predictor.mask_predictor import MaskPredictor, build_predictor

if TYPE_CHECKING:
    from whyframe_training.classifiers.classifier import Classifier
    from whyframe_training.trainer import Trainer

CHECKPOINT = "checkpoint.pt"
CONFIG = "config.json"


def save_checkpoint(trainer: Trainer) -> None:
    """Writes the checkpoint beside the old one and renames it over: a killed run leaves the one or the other."""
    path = trainer.folder / CHECKPOINT
    part = path.with_suffix(".part")
    torch.save(_state(trainer), part)
    part.replace(path)


def load_checkpoint(trainer: Trainer) -> None:
    """Puts a trainer where its folder's checkpoint was left; does nothing where there is none."""
    path = trainer.folder / CHECKPOINT
    if not path.exists():
        return
    state = _read(path, path.read_bytes())
    trainer.predictor.load_state_dict(state["predictor"])
    for stage, optimizer in trainer.optimizers.items():
        optimizer.load_state_dict(state["optimizers"][stage])
    trainer.scheduler.load_state_dict(state["scheduler"])
    trainer.done, trainer.sheet = state["done"], state["sheet"]


def checkpoint_bytes(folder: Path) -> bytes:
    """The file of a run's last checkpoint.

    Raises:
        RunError: there is none.
    """
    try:
        return (folder / CHECKPOINT).read_bytes()
    except FileNotFoundError as error:
        raise RunError(
            f"no checkpoint in {folder}: let `whyframe train` write one (every 100 steps)"
        ) from error


def load_predictor(folder: Path, config: TrainConfig, classifier: Classifier) -> tuple[MaskPredictor, int]:
    """The predictor of a run's last checkpoint, in eval mode, and the steps of stage two behind it.

    Raises:
        RunError: no checkpoint, or one that does not fit the run's settings.
    """
    path, whole = folder / CHECKPOINT, checkpoint_bytes(folder)
    state = _read(path, whole)
    predictor = build_predictor(config, classifier)
    try:
        predictor.load_state_dict(state["predictor"])
    except RuntimeError as error:
        raise RunError(f"{path} does not fit {folder / CONFIG}: train into a new folder") from error
    return predictor.eval(), state["done"][2]


def _state(trainer: Trainer) -> dict[str, Any]:
    return {
        "predictor": trainer.predictor.state_dict(),
        "optimizers": {stage: optimizer.state_dict() for stage, optimizer in trainer.optimizers.items()},
        "scheduler": trainer.scheduler.state_dict(),
        "done": dict(trainer.done),
        "sheet": list(trainer.sheet),
    }


def _read(path: Path, whole: bytes) -> dict[str, Any]:
    try:
        return torch.load(io.BytesIO(whole), map_location="cpu", weights_only=True)
    except Exception as error:
        raise RunError(f"{path} cannot be read: delete it to start again") from error
