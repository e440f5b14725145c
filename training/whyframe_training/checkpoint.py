"""Checkpoint files of run folders: the state of a trainer, and the mask predictor in it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from whyframe.files import atomic_write
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.config import CONFIG, RunError, TrainConfig
from whyframe_training.predictor.mask_predictor import MaskPredictor, build_predictor

CHECKPOINT = "checkpoint.pt"
"""Name of the checkpoint file in a run folder."""


def save_checkpoint(folder: Path, state: Mapping[str, Any]) -> None:
    """Replace the checkpoint of a run folder. A run that is killed meanwhile keeps the old checkpoint.

    Args:
        folder: The run folder.
        state: State of the trainer, as `Trainer.state_dict` returns it.
    """
    file = io.BytesIO()
    torch.save(dict(state), file)
    atomic_write(folder / CHECKPOINT, file.getvalue())


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the state in the checkpoint of a run folder, on the CPU; None where there is no checkpoint.

    Raises:
        RunError: The file cannot be read.
    """
    path = folder / CHECKPOINT
    return _parse(path, path.read_bytes()) if path.exists() else None


def checkpoint_bytes(folder: Path) -> bytes:
    """Return the content of a run's checkpoint file.

    Raises:
        RunError: There is no checkpoint.
    """
    try:
        return (folder / CHECKPOINT).read_bytes()
    except FileNotFoundError as error:
        raise RunError(
            f"no checkpoint in {folder}: `whyframe train` writes a checkpoint every 100 steps; continue the run"
        ) from error


def load_predictor(folder: Path, config: TrainConfig, classifier: Classifier) -> tuple[MaskPredictor, int]:
    """Load the mask predictor of a run's last checkpoint.

    Args:
        folder: The run folder.
        config: Settings of the run.
        classifier: Classifier of the run.

    Returns:
        The predictor in eval mode, and the number of steps of stage two that it was trained for.

    Raises:
        RunError: There is no checkpoint, it cannot be read, or it does not fit the run's settings.
    """
    path = folder / CHECKPOINT
    state = _parse(path, checkpoint_bytes(folder))
    predictor = build_predictor(classifier, config.generator, config.controller, config.cam_weight)
    try:
        predictor.load_state_dict(state["predictor"])
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} does not fit {folder / CONFIG}: train into a new folder") from error
    return predictor.eval(), state["done"][2]


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    """Return the state in the content of a checkpoint, whose types and numbers are checked."""
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise RunError(f"{path} cannot be read: delete it to start again") from error
    reason = _fault(state)
    if reason:
        raise RunError(f"{path} is not a checkpoint of a run ({reason}): delete it to start again")
    return state


def _fault(state: Any) -> str:
    """Return what is wrong with the state of a trainer; an empty text where nothing is."""
    if not isinstance(state, dict):
        return "it is not a dict"
    weights, done = state.get("predictor"), state.get("done")
    if not isinstance(weights, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in weights.items()
    ):
        return "it has no weights of a mask predictor"
    if not isinstance(done, dict) or any(type(done.get(s)) is not int or done[s] < 0 for s in (1, 2)):
        return "it has no numbers of steps"
    wrong = [name for name, value in weights.items() if not torch.isfinite(value).all()]
    return f"{wrong[0]:.80} has values that are not numbers" if wrong else ""
