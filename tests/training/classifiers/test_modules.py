"""Modules as users have them: wrapped, compiled, in half precision, in training mode."""

import logging

import pytest
import torch
from torch import nn

from helpers import tiny_network
from whyframe_training.classifiers.modules import prepare_module


def compiled_in_place() -> nn.Module:
    network = tiny_network.build()
    network.compile(backend="eager")
    return network


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda: nn.DataParallel(tiny_network.build()),
        lambda: torch.compile(tiny_network.build(), backend="eager"),
        lambda: torch.compile(nn.DataParallel(tiny_network.build()), backend="eager"),
        lambda: torch.optim.swa_utils.AveragedModel(tiny_network.build()),
        compiled_in_place,
        lambda: tiny_network.build().train(),
    ],
)
def test_wrappers_are_removed(wrapped) -> None:
    module = prepare_module(wrapped(), "tiny")
    assert type(module) is tiny_network.TinyNetwork
    assert not any(part.training or part._compiled_call_impl for part in module.modules())
    assert all(p.device.type == "cpu" for p in module.parameters())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_another_precision_becomes_float32_and_this_is_said(
    kind: torch.dtype, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "whyframe"):
        module = prepare_module(tiny_network.build().to(kind), "tiny")
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert caplog.messages == [f"tiny has weights in {str(kind)[6:]}: it is explained in float32"]


def test_a_plain_module_is_returned_itself_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    network = tiny_network.build()
    assert prepare_module(network, "tiny") is network
    assert not caplog.messages


class Optional(nn.Module):
    """A network with further arguments that may be left out, as those of Hugging Face."""

    def forward(self, pixel_values: torch.Tensor, labels: object = None, **more: object) -> torch.Tensor:
        return pixel_values


def test_arguments_that_may_be_left_out_are_no_obstacle() -> None:
    prepare_module(Optional(), "optional")
