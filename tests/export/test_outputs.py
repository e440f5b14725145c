"""The exported file reports the probabilities that the network itself means, whatever its last step is."""

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch

from helpers import tiny_network
from helpers.tiny_run import settings
from whyframe import ExplainEngine
from whyframe.errors import WhyframeError
from whyframe.preprocess import to_input
from whyframe_export import ParityError, export
from whyframe_export.export_source import training_free_source
from whyframe_export.onnx_export import write_fused_model
from whyframe_export.parity import OWN_THRESHOLD
from whyframe_export.precision import float32_island
from whyframe_training import ClassifierSpec, train

NAMES = [f"class {i}" for i in range(tiny_network.CLASSES)]
LABELS = {"build_binary": ["cat"]}
NETWORKS = {
    "build": ("auto", "softmax"),
    "build_with_softmax": ("auto", "none"),
    "build_with_log_softmax": ("auto", "softmax"),
    "build_binary": ("auto", "sigmoid"),
    "build_multi_label": ("sigmoid", "sigmoid"),
    "build_multi_label_with_sigmoid": ("auto", "none"),
}
"""Activation that is stated, and that of the manifest, by function that builds the network."""


def own_probabilities(function: str, inputs: np.ndarray) -> np.ndarray:
    """Return the probabilities of the untouched network, as its user would compute them."""
    images = torch.from_numpy(inputs).permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        raw = getattr(tiny_network, function)()((images - mean[:, None, None]) / std[:, None, None])
    if function == "build_binary":
        return torch.cat((1 - raw.sigmoid(), raw.sigmoid()), 1).numpy()
    own = {
        "build": lambda: raw.softmax(1),
        "build_with_softmax": lambda: raw["logits"],
        "build_with_log_softmax": lambda: raw.exp(),
        "build_multi_label": lambda: raw.sigmoid(),
        "build_multi_label_with_sigmoid": lambda: raw,
    }
    return own[function]().numpy()


def specification(function: str, folder: Path, activation: str = "auto") -> ClassifierSpec:
    labels = folder / "labels.txt"
    labels.write_text("\n".join(LABELS.get(function, NAMES)))
    return ClassifierSpec(
        f"{tiny_network.__file__}:{function}",
        "random",
        str(labels),
        side=tiny_network.SIDE,
        activation=activation,
    )


def frames(count: int = 4) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 80, 100, 3), dtype=np.uint8))


QUICK = ("build_with_softmax", "build_binary", "build_multi_label_with_sigmoid")
OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS if name not in QUICK]


@pytest.mark.parametrize("function", [*QUICK, *OTHERS])
def test_the_probabilities_of_the_file_are_those_of_the_untouched_network(
    function: str, tmp_path: Path
) -> None:
    stated, activation = NETWORKS[function]
    report = export(specification(function, tmp_path, stated), tmp_path / "m.onnx", explainer="cam")
    assert report.own_difference <= OWN_THRESHOLD
    with ExplainEngine(tmp_path / "m.onnx") as engine:
        results = engine.run_batch(frames())
        found = np.stack([result.probabilities for result in results])
        assert engine.manifest.labels[-1] == LABELS.get(function, NAMES)[-1]
        assert engine.manifest.activation == activation
        assert engine.manifest.exclusive == ("multi_label" not in function)
    inputs = np.stack([to_input(frame, engine.manifest.input) for frame in frames()])
    np.testing.assert_allclose(found, own_probabilities(function, inputs), atol=1e-5)
    assert [result.class_id for result in results] == found.argmax(axis=1).tolist()
    assert np.ptp(found, axis=0).max() > 1e-3, (
        "the probabilities differ between frames, so equality is no chance"
    )


@pytest.mark.slow
@pytest.mark.parametrize("function", QUICK)
def test_the_probabilities_stay_in_float32_in_a_file_in_fp16(function: str, tmp_path: Path) -> None:
    export(specification(function, tmp_path), tmp_path / "m.onnx", explainer="cam", precision="fp16")
    graph = onnx.load(tmp_path / "m.onnx").graph
    island = float32_island(graph)
    last = [node for node in graph.node if node.op_type in ("Sigmoid", "Softmax")]
    assert last and all(node.output[0] in island for node in last)


def test_a_trained_multi_label_model_reports_every_label_above_its_threshold(tmp_path: Path) -> None:
    data = tmp_path / "photos"
    data.mkdir()
    for index, image in enumerate(frames(8)):
        cv2.imwrite(str(data / f"{index}.png"), image)
    spec = specification("build_multi_label", tmp_path, "sigmoid")
    config = settings(spec, data=str(data), validation=2, epochs=1, filter_steps=1, batch=3)
    train(config, tmp_path / "run")
    export(tmp_path / "run", tmp_path / "m.onnx", thresholds={"class 0": 0.6, "class 3": 0.9})
    with ExplainEngine(tmp_path / "m.onnx") as engine:
        assert engine.manifest.thresholds == (0.6, 0.5, 0.5, 0.9, 0.5)
        result = engine.run(frames()[0])
        other = engine.run(frames()[0], target="class 1")
        values = engine.run(frames()[0]).to_dict()
    own = own_probabilities("build_multi_label", to_input(frames()[0], engine.manifest.input)[None])[0]
    np.testing.assert_allclose(result.probabilities, own, atol=1e-5)
    assert result.class_id == int(own.argmax())
    above = [int(i) for i in np.argsort(-own) if own[i] >= engine.manifest.thresholds[i]]
    assert 1 <= len(above) < len(own), "some labels are present and others are not"
    assert [score.class_id for score in result.top()] == above
    assert [score["class_id"] for score in values["labels_above_threshold"]] == above
    assert other.class_id == 1
    assert np.abs(other.saliency - result.saliency).max() > 1e-3


def test_thresholds_are_for_independent_labels(tmp_path: Path) -> None:
    with pytest.raises(WhyframeError, match="the classes of this one exclude each other"):
        export(specification("build", tmp_path), tmp_path / "m.onnx", explainer="cam", thresholds=0.3)
    assert not (tmp_path / "m.onnx").exists()


def test_a_graph_whose_probabilities_are_not_those_of_the_untouched_network_is_not_written(
    tmp_path: Path,
) -> None:
    source = training_free_source(specification("build", tmp_path), "cam")
    with torch.no_grad():
        source.classifier.module.fc.bias[0] += 1  # as a fault of folding would
    with pytest.raises(ParityError, match="nothing was written"):
        write_fused_model(source, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()
