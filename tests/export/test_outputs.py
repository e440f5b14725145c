"""The exported file reports the probabilities that the network itself means, whatever its last step is."""

from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import tiny_network
from whyframe import ExplainEngine
from whyframe.preprocess import to_input
from whyframe_export import ParityError, export
from whyframe_export.export_source import training_free_source
from whyframe_export.onnx_export import write_fused_model
from whyframe_training import ClassifierSpec

LABELS = {"build_with_softmax": [f"class {i}" for i in range(tiny_network.CLASSES)], "build_binary": ["cat"]}


def own_probabilities(function: str, inputs: np.ndarray) -> np.ndarray:
    """Return the probabilities of the untouched network, as its user would compute them."""
    images = torch.from_numpy(inputs).permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        raw = getattr(tiny_network, function)()((images - mean[:, None, None]) / std[:, None, None])
    if function == "build_binary":
        return torch.cat((1 - raw.sigmoid(), raw.sigmoid()), 1).numpy()
    return raw["logits"].numpy()


@pytest.mark.parametrize("function", LABELS)
def test_the_probabilities_of_the_file_are_those_of_the_untouched_network(
    function: str, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(LABELS[function]))
    spec = ClassifierSpec(
        f"{tiny_network.__file__}:{function}", "random", str(labels), side=tiny_network.SIDE
    )
    export(spec, tmp_path / "m.onnx", explainer="cam")
    frames = list(np.random.default_rng(0).integers(0, 256, (4, 80, 100, 3), dtype=np.uint8))
    with ExplainEngine(tmp_path / "m.onnx") as engine:
        found = np.stack([result.probabilities for result in engine.run_batch(frames)])
        assert engine.manifest.labels[-1] == LABELS[function][-1]
    inputs = np.stack([to_input(frame, engine.manifest.input) for frame in frames])
    np.testing.assert_allclose(found, own_probabilities(function, inputs), atol=1e-5)
    assert np.ptp(found, axis=0).max() > 1e-3, (
        "the probabilities differ between frames, so equality is no chance"
    )


def test_a_graph_whose_probabilities_are_not_those_of_the_untouched_network_is_not_written(
    tmp_path: Path,
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(LABELS["build_with_softmax"]))
    spec = ClassifierSpec(f"{tiny_network.__file__}:build", "random", str(labels), side=tiny_network.SIDE)
    source = training_free_source(spec, "cam")
    with torch.no_grad():
        source.classifier.module.fc.bias[0] += 1  # as a fault of folding would
    with pytest.raises(ParityError, match="nothing was written"):
        write_fused_model(source, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()
