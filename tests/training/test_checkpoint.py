from pathlib import Path
from typing import Any

import pytest
import torch

from whyframe_training.checkpoint import CHECKPOINT, load_checkpoint
from whyframe_training.config import RunError

USUAL = {"predictor": {"w": torch.ones(2)}, "done": {1: 3, 2: 4}}


def written(folder: Path, state: Any) -> Path:
    torch.save(state, folder / CHECKPOINT)
    return folder


def test_a_usual_state_is_read(tmp_path: Path) -> None:
    state = load_checkpoint(written(tmp_path, USUAL))
    assert state is not None
    assert state["done"] == {1: 3, 2: 4}


@pytest.mark.parametrize(
    "state",
    [
        [1],
        torch.ones(3),
        {},
        {**USUAL, "predictor": [1]},
        {**USUAL, "predictor": {"w": "1"}},
        {**USUAL, "predictor": {"w": torch.tensor([1.0, float("nan")])}},
        {**USUAL, "done": {1: 3}},
        {**USUAL, "done": {1: 3, 2: -1}},
        {**USUAL, "done": {1: 3, 2: "4"}},
    ],
)
def test_other_states_are_one_line(state: Any, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="delete it to start again") as caught:
        load_checkpoint(written(tmp_path, state))
    assert len(str(caught.value).splitlines()) == 1
