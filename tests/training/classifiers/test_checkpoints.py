"""Checkpoints as people have them: wrappers, prefixes, other objects beside the weights, and damaged files."""

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from helpers import tiny_network
from whyframe_training.classifiers.errors import ClassifierError
from whyframe_training.classifiers.weights import load_weights

State = dict[str, Tensor]


def state(offset: float = 0.25) -> State:
    return {
        k: v + offset if v.is_floating_point() else v for k, v in tiny_network.build().state_dict().items()
    }


def prefixed(prefix: str, offset: float = 0.25) -> State:
    return {prefix + key: value for key, value in state(offset).items()}


def loaded(content: Any, path: Path, place: str = "") -> State:
    torch.save(content, path)
    network = tiny_network.build()
    load_weights(network, f"{path}{place}", "tiny")
    return dict(network.state_dict())


def check(found: State, expected: State) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key].dtype == tiny_network.build().state_dict()[key].dtype
        torch.testing.assert_close(found[key], value.to(found[key].dtype), rtol=0, atol=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"state_dict": state(), "epoch": 3, "best": torch.tensor(0.5)},
        lambda: {"model_state_dict": state(), "optimizer_state_dict": {"state": {0: {"m": torch.ones(3)}}}},
        lambda: {"model": state(), "args": argparse.Namespace(lr=0.1), "acc": np.float64(0.5)},
        lambda: {"checkpoint": {"ema": {"shadow": state()}}},
        lambda: {"net": state(), "ema": state()},
        lambda: prefixed("module."),
        lambda: prefixed("_orig_mod."),
        lambda: prefixed("module._orig_mod.model."),
        lambda: {"state_dict": prefixed("model.") | {"criterion.weight": torch.ones(5)}},
        lambda: {"state_dict": prefixed("net.backbone.")},
        lambda: {key.replace("body.", "body._orig_mod."): value for key, value in state().items()},
        lambda: {k: v for k, v in state().items() if not k.endswith("num_batches_tracked")},
        lambda: state() | {"total_ops": torch.ones(1), "body.0.total_params": torch.ones(1)},
    ],
)
def test_wrappers_and_prefixes_are_opened(make: Callable[[], Any], tmp_path: Path) -> None:
    check(loaded(make(), tmp_path / "w.pt"), state())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision_become_float32(kind: torch.dtype, tmp_path: Path) -> None:
    cast = {k: v.to(kind) if v.is_floating_point() else v for k, v in state().items()}
    check(loaded(cast, tmp_path / "w.pt"), cast)


def test_a_network_that_wraps_another_takes_the_weights_of_the_inner_one(tmp_path: Path) -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = tiny_network.build()

    torch.save(state(), tmp_path / "w.pt")
    network = Outer()
    load_weights(network, str(tmp_path / "w.pt"), "outer")
    check(dict(network.model.state_dict()), state())


def test_safetensors_under_any_name(tmp_path: Path) -> None:
    save_file(prefixed("model."), tmp_path / "w.bin")
    network = tiny_network.build()
    load_weights(network, str(tmp_path / "w.bin"), "tiny")
    check(dict(network.state_dict()), state())


def test_the_old_format_of_torch_save(tmp_path: Path) -> None:
    torch.save({"state_dict": state()}, tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    network = tiny_network.build()
    load_weights(network, str(tmp_path / "w.pt"), "tiny")
    check(dict(network.state_dict()), state())


def test_several_weights_that_fit_are_chosen_by_their_place(tmp_path: Path) -> None:
    both = {"model": state(), "model_ema": state(0.5)}
    with pytest.raises(
        ClassifierError, match=r"several weights that fit tiny \(model, model_ema\).*#model_ema'"
    ):
        loaded(both, tmp_path / "w.pt")
    check(loaded(both, tmp_path / "w.pt", "#model"), state())
    check(loaded(both, tmp_path / "w.pt", "#model_ema"), state(0.5))
    with pytest.raises(ClassifierError, match="has no 'ema': it has 'model', 'model_ema'"):
        loaded(both, tmp_path / "w.pt", "#ema")
    pair = prefixed("student.") | prefixed("teacher.", 0.5)
    check(loaded(pair, tmp_path / "w.pt", "#teacher"), state(0.5))


@pytest.mark.parametrize("wrapper", ["{}", "{{'model': {}, 'epoch': 3}}"])
@pytest.mark.parametrize("new_format", [True, False])
def test_the_command_for_a_pickled_network_makes_a_safe_file(
    wrapper: str, new_format: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = nn.Sequential(nn.Linear(3, 2))
    content = eval(wrapper.format("network"))
    path = tmp_path / "whole.pt"
    torch.save(content, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(
        ClassifierError, match=r"a whole pickled object \(torch.nn.modules.*Sequential\)"
    ) as caught:
        load_weights(network, str(path), "linear")
    python, option, code = shlex.split(str(caught.value).split("`")[1])
    assert (python, option) == ("python", "-c")
    monkeypatch.chdir(tmp_path)
    exec(code)
    other = nn.Sequential(nn.Linear(3, 2))
    load_weights(other, str(tmp_path / "whole-weights.pt"), "linear")
    assert torch.equal(other[0].weight, network[0].weight)


def test_no_code_of_a_refused_file_is_executed(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "executed",)

    torch.save({"state_dict": state(), "trap": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(ClassifierError, match="executes code from the file"):
        load_weights(tiny_network.build(), str(tmp_path / "trap.pt"), "tiny")
    assert not (tmp_path / "executed").exists()
