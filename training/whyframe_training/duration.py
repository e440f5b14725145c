"""Duration of a training run, estimated from a few of its own steps before it starts."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from whyframe_training.trainer import STAGES, Trainer

TIMED_STEPS = 2
TIMED_SECONDS = 2.0
TIMED_SHARE = 20


@dataclass(frozen=True)
class Duration:
    """Duration of the remaining steps of a run.

    Attributes:
        seconds: Time of the remaining steps of both stages, in seconds.
        rate: Images per second in stage two, or in stage one where stage two is complete.
    """

    seconds: float
    rate: float

    def __str__(self) -> str:
        """Return the duration as people say it, such as "about 12 minutes (34 images/s)"."""
        return f"about {_in_words(self.seconds)} ({self.rate:.3g} images/s)"


def estimate_duration(trainer: Trainer) -> Duration | None:
    """Measure a few real steps of each stage, and return the time of all remaining steps.

    The first step is a warm-up. Then two steps are timed, or as many as two seconds hold, up to a twentieth of the
    run. The trainer's state is restored afterwards, so that the run takes exactly the steps that it would have taken.

    Args:
        trainer: The trainer.

    Returns:
        The duration; None where no step remains.
    """
    remaining = {stage: trainer.steps[stage] - trainer.done[stage] for stage in STAGES}
    stages = [stage for stage, steps in remaining.items() if steps > 0]
    if not stages:
        return None
    with _state_kept(trainer):
        seconds = {stage: _seconds_per_step(trainer, stage, remaining[stage]) for stage in stages}
    total = sum(seconds[stage] * remaining[stage] for stage in stages)
    return Duration(total, trainer.config.batch / seconds[stages[-1]])


@contextmanager
def _state_kept(trainer: Trainer) -> Iterator[None]:
    """Restore the trainer and the random numbers after the block."""
    state = copy.deepcopy(trainer.state_dict())
    with torch.random.fork_rng():
        try:
            yield
        finally:
            trainer.load_state_dict(state)
            for optimizer in trainer.optimizers.values():
                optimizer.zero_grad(set_to_none=True)


def _seconds_per_step(trainer: Trainer, stage: int, remaining: int) -> float:
    """Return the mean time of a step after a warm-up; a step ends with its loss on the host."""
    batches = trainer.batches(stage)
    first = next(batches)
    trainer.take_step(stage, first)
    started, taken = time.perf_counter(), 0
    limit = max(TIMED_STEPS, remaining // TIMED_SHARE)
    while taken < limit and (taken < TIMED_STEPS or time.perf_counter() - started < TIMED_SECONDS):
        trainer.take_step(stage, next(batches, first))
        taken += 1
    return (time.perf_counter() - started) / taken


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{max(2, round(seconds))} seconds"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"
