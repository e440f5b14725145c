import json
import math
from pathlib import Path

import pytest

from whyframe.errors import OutputError
from whyframe_training.trainer import Step
from whyframe_training.training_log import TrainingLog


def steps(path: Path) -> list[tuple[int, int]]:
    return [(line["stage"], line["step"]) for line in map(json.loads, path.read_text().splitlines())]


def fill(path: Path, stage: int, first: int, last: int, done: dict[int, int]) -> None:
    log = TrainingLog(path, 4, done)
    for step in range(first, last + 1):
        log.add(Step(stage, step, 1000, 0.5))


def test_a_resumed_log_holds_each_step_once(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    fill(path, 1, 1, 30, {1: 0, 2: 0})
    fill(path, 2, 1, 157, {1: 30, 2: 0})
    fill(path, 2, 101, 170, {1: 30, 2: 100})
    assert steps(path) == [(1, n) for n in (10, 20, 30)] + [(2, n) for n in range(10, 171, 10)]


@pytest.mark.parametrize(
    "end", [b'{"stage": 2, "st', b'{"stage": 2, "step": 5}', b"[1]\n", b"\xff\n", b'{"step": 1}\n']
)
def test_a_damaged_end_is_removed(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "log.jsonl"
    fill(path, 1, 1, 20, {1: 0, 2: 0})
    whole = path.read_bytes()
    path.write_bytes(whole + end)
    TrainingLog(path, 4, {1: 20, 2: 100})
    assert path.read_bytes() == whole


def test_a_loss_that_is_not_finite_is_null(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "log.jsonl", 4, {1: 0, 2: 0})
    log.add(Step(1, 10, 10, math.nan))
    assert json.loads((tmp_path / "log.jsonl").read_text(), parse_constant=pytest.fail)["loss"] is None


def test_a_full_disk_is_an_error_of_one_line(tmp_path: Path) -> None:
    log = TrainingLog(Path("/dev/full"), 4, {1: 0, 2: 0})
    with pytest.raises(OutputError, match=r"^/dev/full cannot be written \(No space left on device\)"):
        log.add(Step(1, 10, 10, 0.5))
