import dataclasses
import json
from pathlib import Path

import cv2
import pytest
import torch
from typer.testing import CliRunner

from helpers import tiny_network
from whyframe import ExplainEngine
from whyframe.cli.app import build_app
from whyframe.errors import WhyframeError
from whyframe.input_spec import InputSpec
from whyframe.resize_rule import ResizeRule
from whyframe_evaluation.methods.trained_predictors import RunPredictor
from whyframe_export import export
from whyframe_training.checkpoint import load_predictor
from whyframe_training.classifiers.classifier import build_classifier
from whyframe_training.config import RunError, TrainConfig
from whyframe_training.data import load_frames, to_images
from whyframe_training.joint.joint_run import prepare, train_joint

LABELS = ("blue", "green", "grey", "red", "white")


def test_the_folder_of_a_joint_run_is_used_like_that_of_a_plain_run(
    config: TrainConfig, data: Path, tmp_path: Path
) -> None:
    """The run folder, the evaluated predictor and the exported file all have the labels of the images."""
    folder = tmp_path / "run"
    result = train_joint(config, None, folder)
    report = json.loads((folder / "validation.json").read_text())
    assert report["accuracy"]["count"] == report["images"] == len(result.files) == 5
    assert report["accuracy"]["low"] <= report["accuracy"]["percent"] <= report["accuracy"]["high"]
    assert set(report["scores"]) == {"predictor", "cam"}
    assert cv2.imread(str(folder / "contact_sheet.png")).shape[1] == 5 * 112
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    assert (last["stage"], last["step"]) == (2, 18)
    assert (folder / "labels.txt").read_text().splitlines() == list(LABELS)

    saved = TrainConfig.load(folder / "config.json")
    classifier = build_classifier(saved.classifier)
    predictor, steps = load_predictor(folder, saved, classifier)
    assert (classifier.labels, steps) == (LABELS, 18)
    assert torch.equal(predictor.generator.filter.embedding, classifier.head().weight)
    path = data / "red" / "0.png"
    image, target = (
        to_images(load_frames([path], InputSpec.square(64)), torch.device("cpu")),
        torch.tensor([3]),
    )
    with torch.no_grad():
        mask = predictor(classifier(image).stages, target)
    torch.testing.assert_close(RunPredictor(folder).explain(classifier, image, target), mask)

    assert export(folder, tmp_path / "m.onnx").passes()
    with ExplainEngine(tmp_path / "m.onnx") as engine:
        explanation = engine.run(path, target="red")
        assert engine.manifest.labels == LABELS
        assert engine.manifest.training["validation"]["accuracy"] == report["accuracy"]
    probabilities = classifier.logits(image).softmax(1)[0]
    assert explanation.probabilities == pytest.approx(probabilities.tolist(), abs=1e-4)


@pytest.mark.parametrize("function", ["build_grey", "build"])
def test_the_input_of_a_joint_run_may_be_grey_or_bgr_and_not_square(
    function: str, config: TrainConfig, tmp_path: Path
) -> None:
    """The color, the size and the resize rule are those of the classifier that the run starts from."""
    changes = {"color": "bgr"} if function == "build" else {"color": "grey", "channels": 1}
    spec = dataclasses.replace(
        config.classifier,
        name=f"{tiny_network.__file__}:{function}",
        side=(64, 96),
        resize={"shorter_side": 70},
        **changes,
    )
    train_joint(dataclasses.replace(config, classifier=spec, epochs=1), None, tmp_path / "run")
    assert build_classifier(TrainConfig.load(tmp_path / "run" / "config.json").classifier).input == InputSpec(
        height=64,
        width=96,
        resize=ResizeRule(mode="crop", shorter_side=70, interpolation="bilinear"),
        **changes,
        **({} if function == "build" else {"mean": (0.0,), "std": (1.0,)}),
    )


def test_what_a_run_started_from_is_kept_and_compared(config: TrainConfig, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    own = prepare(config, None, LABELS, folder)
    origin = json.loads((folder / "joint.json").read_text())
    assert origin["classifier"]["name"] == config.classifier.name
    assert origin["labels"] == list(LABELS)
    (folder / "classifier.safetensors").write_bytes(b"trained since")
    assert prepare(config, None, LABELS, folder) == own
    assert (folder / "classifier.safetensors").read_bytes() == b"trained since"
    with pytest.raises(RunError, match="another classifier or other classes"):
        prepare(config, None, (*LABELS[:4], "yellow"), folder)
    with pytest.raises(RunError, match="another classifier or other classes"):
        prepare(config, tmp_path / "c.csv", LABELS, folder)
    with pytest.raises(RunError, match="other settings"):
        prepare(dataclasses.replace(config, seed=1), None, LABELS, folder)
    with pytest.raises(RunError, match="leave out --start-from"):
        prepare(dataclasses.replace(config, start_from="elsewhere"), None, LABELS, tmp_path / "other")


def test_the_folder_of_a_plain_run_is_refused_by_a_joint_run(config: TrainConfig, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    config.save(folder / "config.json")
    with pytest.raises(RunError, match="other settings"):
        train_joint(config, None, folder)


def command(config: TrainConfig, folder: Path, *more: str) -> list[str]:
    spec = config.classifier
    return [
        "train", "--data", config.data, "--classifier", spec.name, "--weights", "random", "--labels", str(spec.labels),
        "--side", "64", "--epochs", "1", "--batch", "4", "--validation", "5", "--precision", "fp32",
        "-o", str(folder), *more,
    ]  # fmt: skip


def test_the_command_line_takes_a_csv_file(config: TrainConfig, data: Path, tmp_path: Path) -> None:
    classes = tmp_path / "c.csv"
    rows = [f"{p.relative_to(data)},{'abcde'[i % 5]}" for i, p in enumerate(sorted(data.rglob("*.png")))]
    classes.write_text("\n".join(["file,class", *rows]))
    done = CliRunner().invoke(
        build_app(), command(config, tmp_path / "run", "--joint", "--classes", str(classes))
    )
    assert done.exception is None, done.output
    assert f"whyframe export {tmp_path / 'run'}" in done.output
    assert (tmp_path / "run" / "labels.txt").read_text().split() == list("abcde")


def test_classes_without_joint_are_refused(config: TrainConfig, tmp_path: Path) -> None:
    done = CliRunner().invoke(build_app(), command(config, tmp_path / "run", "--classes", "c.csv"))
    assert isinstance(done.exception, WhyframeError)
    assert "--classes needs --joint" in str(done.exception)
