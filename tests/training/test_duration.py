import copy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from helpers.tiny_run import settings, spec
from whyframe_training import duration
from whyframe_training.checkpoint import CHECKPOINT
from whyframe_training.duration import Duration, estimate_duration
from whyframe_training.joint.joint_trainer import JointTrainer
from whyframe_training.joint.labelled import Labelled
from whyframe_training.trainer import Trainer


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.png" for i in range(8)]
    for path in paths:
        cv2.imwrite(str(path), cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (96, 80)))
    return paths


def trainer(images: list[Path], folder: Path) -> Trainer:
    folder.mkdir()
    return Trainer(settings(spec(folder), epochs=6), images, folder)


def test_the_estimate_is_that_of_a_slow_clock_and_covers_both_stages(
    images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step of stage one takes 1 s and a step of stage two 10 s; the warm-up, which takes 1000 s, does not count."""
    own, clock, taken = trainer(images, tmp_path / "run"), [0.0], []

    def take_step(stage: int, frames: torch.Tensor) -> float:
        clock[0] += 1000.0 if stage not in taken else {1: 1.0, 2: 10.0}[stage]
        taken.append(stage)
        return 0.0

    monkeypatch.setattr(own, "take_step", take_step)
    monkeypatch.setattr(duration.time, "perf_counter", lambda: clock[0])
    assert estimate_duration(own) == Duration(3 * 1.0 + 12 * 10.0, 4 / 10.0)
    assert taken == [1, 1, 1, 2, 2, 2]


def test_the_run_after_an_estimate_is_bitwise_the_run_without_it(images: list[Path], tmp_path: Path) -> None:
    torch.manual_seed(3)
    plain = trainer(images, tmp_path / "a")
    random_state = torch.get_rng_state()
    estimated = trainer(images, tmp_path / "b")
    before = copy.deepcopy(estimated.state_dict())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert estimate_duration(estimated) is not None
    assert torch.equal(torch.get_rng_state(), random_state)
    assert str(estimated.state_dict()) == str(before)
    assert not (tmp_path / "b" / CHECKPOINT).exists()
    losses = [[step.loss for step in own.run()] for own in (plain, estimated)]
    assert losses[0] == losses[1]
    ours, theirs = plain.predictor.state_dict(), estimated.predictor.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_finished_run_has_no_estimate(images: list[Path], tmp_path: Path) -> None:
    own = trainer(images, tmp_path / "run")
    list(own.run())
    assert estimate_duration(own) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "about 2 seconds (34 images/s)"),
        (41.4, "about 41 seconds (34 images/s)"),
        (12.2 * 60, "about 12 minutes (34 images/s)"),
        (89 * 60, "about 89 minutes (34 images/s)"),
        (3.46 * 3600, "about 3.5 hours (34 images/s)"),
    ],
)
def test_the_duration_is_said_in_words(seconds: float, text: str) -> None:
    assert str(Duration(seconds, 34.02)) == text


def test_the_classifier_of_a_joint_run_is_restored_too(images: list[Path], tmp_path: Path) -> None:
    labelled = Labelled(tuple(images), (0, 1, 2, 3, 4, 0, 1, 2), tuple("abcde"))
    runs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        runs.append(JointTrainer(settings(spec(tmp_path / name)), labelled, tmp_path / name))
    estimate_duration(runs[1])
    losses = [[step.loss for step in own.run()] for own in runs]
    assert losses[0] == losses[1]
