import json
from pathlib import Path

import pytest

from whyframe_training.classifiers.networks import ClassifierSpec
from whyframe_training.config import RunError, TrainConfig


def test_settings_survive_their_file(tmp_path: Path) -> None:
    config = TrainConfig(
        ClassifierSpec("resnet50", mean=(0.1, 0.2, 0.3)), cam_weight=0.1, controller_jitter=2.0
    )
    config.save(tmp_path / "config.json")
    assert TrainConfig.load(tmp_path / "config.json") == config


def test_files_with_the_former_names_of_settings_are_read(tmp_path: Path) -> None:
    config = TrainConfig(ClassifierSpec("resnet50"), cam_weight=0.1, controller_jitter=2.0)
    path = tmp_path / "config.json"
    config.save(path)
    stored = json.loads(path.read_text())
    stored["anchor"], stored["spread"] = stored.pop("cam_weight"), stored.pop("controller_jitter")
    path.write_text(json.dumps(stored))
    assert TrainConfig.load(path) == config


@pytest.mark.parametrize(
    ("name", "generator"),
    [
        ("resnet50", {"name": "unet", "widths": [256, 128, 64]}),
        ("googlenet", {"name": "unet", "widths": [416, 240, 96]}),
        ("efficientnet_lite0", {"name": "edge", "widths": [128, 64, 32]}),
        ("my_model.py:build", {"name": "edge", "widths": [128, 64, 32]}),
    ],
)
def test_the_generator_is_chosen_for_the_classifier(name: str, generator: dict[str, object]) -> None:
    assert TrainConfig(ClassifierSpec(name)).generator == generator


@pytest.mark.parametrize("text", ["{}", "[]", "not JSON", '{"classifier": {"name": "x"}, "colour": 1}'])
def test_another_file_is_not_a_runs_settings(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RunError, match="is not a run's settings"):
        TrainConfig.load(tmp_path / "config.json")


def test_a_folder_without_settings_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="start a run with `whyframe train -o"):
        TrainConfig.load(tmp_path / "config.json")
