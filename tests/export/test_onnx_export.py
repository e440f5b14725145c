import dataclasses
import json
from collections import Counter
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from helpers import tiny_run
from helpers.tiny_network import SIDE, build
from whyframe import ExplainEngine, Manifest, OutputError, WhyframeError
from whyframe_export import ParityError, export
from whyframe_export.export_source import training_free_source
from whyframe_export.onnx_export import write_fused_model
from whyframe_training.classifiers.classifier import ClassifierSpec


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ClassifierSpec:
    return tiny_run.spec(tmp_path_factory.mktemp("labels"))


def make_run(folder: Path, spec: ClassifierSpec, generator: str, controller: str) -> Path:
    """Return a run folder whose predictor differs from a fresh one in weights and batch-norm statistics."""
    torch.manual_seed(0)
    parts = {"generator": {"name": generator, "widths": [8, 8, 8]}, "controller": {"name": controller}}
    trainer = tiny_run.untrained(tiny_run.settings(spec, data="/private/photos", **parts), folder)
    for name, value in trainer.predictor.state_dict().items():
        if value.dtype == torch.float32 and "embedding" not in name:
            value.add_(0.1 * torch.rand_like(value)) if "var" in name else value.add_(
                0.1 * torch.randn_like(value)
            )
    trainer.save()
    return folder


@pytest.mark.parametrize("batch", [None, 1, 2])
@pytest.mark.parametrize(("generator", "controller"), [("edge", "ct"), ("unet", "bt")])
def test_a_run_becomes_one_file_that_agrees_with_pytorch(
    tmp_path: Path, spec: ClassifierSpec, generator: str, controller: str, batch: int | None
) -> None:
    run = make_run(tmp_path, spec, generator, controller)
    report = export(run, tmp_path / "m.onnx", resize={"mode": "crop"}, batch=batch).to_dict()
    assert report["passes"]
    assert report["images"] == 50
    assert report["targets"] == ["beyond", "last", "other", "predicted"]
    assert json.loads((tmp_path / "m.parity.json").read_text()) == report
    manifest = Manifest.read(tmp_path / "m.onnx")
    assert (manifest.input.height, manifest.mask_height, manifest.input.resize.mode, manifest.batch) == (
        SIDE,
        16,
        "crop",
        batch,
    )
    assert manifest.controller["name"] == controller
    assert manifest.generator == f"{generator}-8-8-8"
    assert manifest.training["data"] == "photos", "no path of this machine is written"
    with ExplainEngine(tmp_path / "m.onnx") as engine:
        frames = np.random.default_rng(0).integers(0, 256, (3, 40, 60, 3), np.uint8)
        results = engine.run_batch(list(frames), target=["class 1", "class 2", None])
        assert [r.class_id for r in results[:2]] == [1, 2]


def test_a_class_activation_map_needs_no_training(tmp_path: Path, spec: ClassifierSpec) -> None:
    report = export(spec, tmp_path / "cam.onnx", explainer="cam")
    assert report.passes()
    manifest = Manifest.read(tmp_path / "cam.onnx")
    assert (manifest.explainer, manifest.mask_height, manifest.generator) == ("cam", 2, None)
    frame = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    with ExplainEngine(tmp_path / "cam.onnx") as engine:
        mask = engine.run(frame, target=3, color="rgb").mask
    network = build()
    x = (torch.from_numpy(frame).permute(2, 0, 1)[None].double() / 255).float()
    x = (x - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(
        3, 1, 1
    )
    with torch.no_grad():
        evidence = torch.einsum("chw,c->hw", network.body(x)[0], network.fc.weight[3])
    expected = (evidence - evidence.min()) / (evidence.max() - evidence.min())
    np.testing.assert_allclose(mask, expected.numpy(), atol=1e-4)


@pytest.mark.parametrize("batch", [None, 1])
def test_a_forward_map_runs_the_backbone_once(
    tmp_path: Path, spec: ClassifierSpec, batch: int | None
) -> None:
    path = tmp_path / "forward.onnx"
    assert export(spec, path, explainer="forward", batch=batch).passes()
    manifest = Manifest.read(path)
    assert (manifest.explainer, manifest.controller["name"], manifest.mask_height) == ("forward", "minmax", 2)
    operators = Counter(node.op_type for node in onnx.load(path).graph.node)
    assert operators["Conv"] == sum(isinstance(m, torch.nn.Conv2d) for m in build().modules())
    assert operators["Gemm"] + operators["MatMul"] == 2  # the linear layer: of the image, and of its cells


def test_nothing_is_written_where_the_parity_check_fails(
    tmp_path: Path, spec: ClassifierSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = training_free_source(spec, "cam")
    wrong = dataclasses.replace(source.manifest, controller={"name": "bt"})
    with pytest.raises(ParityError, match="nothing was written"):
        write_fused_model(dataclasses.replace(source, manifest=wrong), tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("output", ["m.pt", "missing/m.onnx"])
def test_an_output_that_cannot_be_written_is_refused_before_the_export(tmp_path: Path, output: str) -> None:
    with pytest.raises(OutputError, match=r"ends in \.onnx in an existing folder"):
        export(tmp_path / "no-run", tmp_path / output)


@pytest.mark.parametrize(
    ("source", "explainer"),
    [(ClassifierSpec("vgg19"), "predictor"), (Path("runs/lite0"), "cam"), ("vgg19", "grad-cam")],
)
def test_the_source_must_be_what_the_explainer_needs(
    tmp_path: Path, source: ClassifierSpec | Path | str, explainer: str
) -> None:
    with pytest.raises(
        WhyframeError, match="choose the explainer cam, forward or auto and give a classifier"
    ):
        export(source, tmp_path / "m.onnx", explainer=explainer)


def test_fp16_is_compared_with_fp32(tmp_path: Path, spec: ClassifierSpec) -> None:
    export(make_run(tmp_path, spec, "edge", "ct"), tmp_path / "m.onnx", precision="fp16")
    assert Manifest.read(tmp_path / "m.onnx").precision == "fp16"
    report = json.loads((tmp_path / "m.parity.json").read_text())["fp16"]
    assert report["passes"]
    assert report["images"] == 50


def test_the_bundled_model_contains_no_file_names() -> None:
    content = (resources.files("whyframe") / "models" / "efficientnet_lite0_ct.onnx").read_bytes()
    assert b".py" not in content
    assert b"stack_trace" not in content
