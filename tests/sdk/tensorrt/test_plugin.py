"""Tests of the plugin in real builds, each in its own process, and of its calls of the kernels."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from whyframe.native import kernels
from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.plugin import NAME, NAMESPACE, Parameters, make_plugin_creator, register

BUILD = """
import sys
from importlib import resources
from whyframe.tensorrt.api import load_tensorrt
from whyframe.tensorrt.build import BuildOptions, build_engine
from whyframe.tensorrt.layer_report import network_layers
trt = load_tensorrt("tensorrt_rtx")
model = (resources.files("whyframe") / "models/efficientnet_lite0_ct.onnx").read_bytes()
for word in sys.argv[1:]:
    with_plugin = word == "with"
    kinds = [layer.kind for layer in network_layers(model, with_plugin, trt)]
    plan = build_engine(model, (1, 1, 1), BuildOptions(plugin=with_plugin), trt)
    print(kinds.count("PLUGIN_V3"), b"whyframe\\0001\\0DistributionController" in plan)
"""


@pytest.mark.parametrize("order", [["with"], ["without"], ["with", "without", "with"]])
def test_the_plugin_is_in_the_engine_if_it_is_requested(trt: TensorRT, order: list[str]) -> None:
    """A build with the plugin does not change later builds without it."""
    done = subprocess.run([sys.executable, "-c", BUILD, *order], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = {"with": "1 True", "without": "0 False"}
    assert done.stdout.splitlines() == [expected[word] for word in order]


@pytest.fixture
def plugin(trt: TensorRT) -> object:
    field, kind = trt.module.PluginField, trt.module.PluginFieldType
    mode, eta, h, epsilon = (
        np.frombuffer(b"ct\0", np.int8),
        *(np.array([value], np.float32) for value in (1.5, 2.5, 1e-5)),
    )
    collection = trt.module.PluginFieldCollection(
        [
            field("plugin_version", np.frombuffer(b"1\0", np.int8), kind.CHAR),
            field("epsilon", epsilon, kind.FLOAT32),
            field("mode", mode, kind.CHAR),
            field("eta", eta, kind.FLOAT32),
            field("h", h, kind.FLOAT32),
        ]
    )
    return make_plugin_creator(trt).create_plugin("any", collection, trt.module.TensorRTPhase.BUILD)


def test_parameters_are_serialised_and_read_back(trt: TensorRT, plugin) -> None:
    fields = plugin.get_fields_to_serialize()
    again = make_plugin_creator(trt).create_plugin("any", fields, trt.module.TensorRTPhase.RUNTIME)
    wanted = Parameters("ct", 1.5, 2.5, float(np.float32(1e-5)))
    assert Parameters.of(fields) == wanted
    assert Parameters.of(again.get_fields_to_serialize()) == wanted
    assert Parameters.of(plugin.clone().get_fields_to_serialize()) == wanted
    assert plugin.attach_to_context(None) is not plugin
    assert (plugin.plugin_name, plugin.plugin_namespace, plugin.num_outputs) == (NAME, NAMESPACE, 1)


@pytest.mark.parametrize("name", ["ct", "bt", "minmax"])
def test_every_controller_is_read_from_its_fields(trt: TensorRT, name: str) -> None:
    parameters = Parameters(name, 0.5, 4.0, 1e-3)
    arrays, field, kind = parameters.arrays(), trt.module.PluginField, trt.module.PluginFieldType
    fields = [
        field(key, array, kind.CHAR if key == "mode" else kind.FLOAT32) for key, array in arrays.items()
    ]
    assert Parameters.of(trt.module.PluginFieldCollection(fields)) == pytest.approx(parameters)
    assert list(arrays) == [field.name for field in make_plugin_creator(trt).field_names]


def test_both_precisions_are_supported_and_scores_are_float32(trt: TensorRT, plugin) -> None:
    kind, form = trt.module.DataType, trt.module.TensorFormat

    def supports(position: int, given: object, given_form: object = form.LINEAR) -> bool:
        desc = SimpleNamespace(desc=SimpleNamespace(type=given, format=given_form))
        return plugin.supports_format_combination(position, [desc, desc], 1)

    assert [supports(0, given) for given in (kind.FLOAT, kind.HALF, kind.INT8)] == [True, True, False]
    assert [supports(1, given) for given in (kind.FLOAT, kind.HALF)] == [True, False]
    assert not supports(0, kind.FLOAT, form.CHW32)
    assert plugin.get_output_data_types([kind.HALF]) == [kind.FLOAT]
    assert plugin.get_output_shapes(["shape"], [], None) == ["shape"]


def test_the_plugin_is_registered_once_and_with_one_builder(trt: TensorRT) -> None:
    registries = [trt.module.Builder(trt.logger()).get_plugin_registry() for _ in range(2)]
    for _ in range(2):
        register(registries[0], trt)
    assert _names(registries[0]).count(NAME) == 1
    assert NAME not in _names(registries[1])
    assert NAME not in _names(trt.module.get_plugin_registry())


def _names(registry) -> list[str]:
    return [creator.name for creator in registry.all_creators]


@pytest.mark.parametrize(("kind", "code"), [("FLOAT", 0), ("HALF", 1)])
def test_enqueue_calls_the_kernel(
    trt: TensorRT, plugin, monkeypatch: pytest.MonkeyPatch, kind: str, code: int
) -> None:
    calls: list[dict] = []
    library = SimpleNamespace(controller_forward=lambda **given: calls.append(given))
    monkeypatch.setattr(kernels, "load_kernels", lambda: library)
    logits = SimpleNamespace(dims=(4, 56, 48), type=getattr(trt.module.DataType, kind))
    plugin.enqueue([logits], None, [1000], [2000], 0, 3000)
    assert calls == [
        {
            "logits": 1000, "logits_type": code, "logits_stride": 56 * 48,
            "scores": 2000, "scores_type": 0, "maps": 4, "size": 56 * 48,
            "mode": 0, "eta": 1.5, "h": 2.5, "eta_per_map": None, "h_per_map": None,
            "epsilon": pytest.approx(1e-5), "stream": 3000,
        }
    ]  # fmt: skip


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["FLOAT", "HALF"])
def test_enqueue_on_the_device(trt: TensorRT, plugin, kind: str) -> None:
    import torch

    from whyframe_training.predictor.controllers import build_controller

    logits = torch.randn(3, 56, 56, device="cuda").to({"FLOAT": torch.float32, "HALF": torch.float16}[kind])
    scores = torch.empty(3, 56, 56, device="cuda")
    stream = torch.cuda.current_stream()
    desc = SimpleNamespace(dims=(3, 56, 56), type=getattr(trt.module.DataType, kind))
    plugin.enqueue([desc], None, [logits.data_ptr()], [scores.data_ptr()], 0, stream.cuda_stream)
    expected = build_controller({"name": "ct", "eta": 1.5, "h": 2.5})(logits.cpu().double())
    torch.testing.assert_close(scores.cpu().double(), expected, atol=1e-5, rtol=0)
