"""The log of a training run: loss and speed in JSON lines, each step once however often the run was interrupted."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from whyframe.files import append_line, atomic_write, json_text
from whyframe_training.trainer import Step

LOG = "log.jsonl"
"""Name of the log in a run folder."""

LOG_EVERY = 10


class TrainingLog:
    """Log of a run: loss and speed, a JSON line for every tenth step and for the last step of a stage.

    Lines about steps that the run takes again, because no checkpoint contains them, are removed first.

    Args:
        path: The file; created with its first line.
        batch: Number of images per step.
        done: Number of finished steps in the last checkpoint, by stage.

    Raises:
        OutputError: The file cannot be written.
    """

    def __init__(self, path: Path, batch: int, done: Mapping[int, int]) -> None:
        self._path, self._batch = path, batch
        self._started, self._images = time.monotonic(), 0
        self._drop_steps_after_checkpoint(done)

    def add(self, step: Step) -> str:
        """Count a step, write its line if it has one, and return its loss and the mean speed as text."""
        self._images += self._batch
        rate = self._images / (time.monotonic() - self._started)
        if step.done % LOG_EVERY == 0 or step.done == step.steps:
            line = {"stage": step.stage, "step": step.done, "loss": step.loss, "rate": rate}
            append_line(self._path, json_text(line))
        return f"loss {step.loss:.3f}, {rate:.1f} images/s"

    def _drop_steps_after_checkpoint(self, done: Mapping[int, int]) -> None:
        """Remove the lines of steps that are taken again, and what an interruption has cut or a disk has damaged."""
        if not self._path.is_file():
            return
        data = self._path.read_bytes()
        kept = b"".join(line for line in data.splitlines(keepends=True) if _is_taken(line, done))
        if kept != data:
            atomic_write(self._path, kept)


def _is_taken(line: bytes, done: Mapping[int, int]) -> bool:
    """Return whether a line of the log is complete and about a step that the checkpoint contains."""
    try:
        entry = json.loads(line)
        return line.endswith(b"\n") and entry["step"] <= done[entry["stage"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
