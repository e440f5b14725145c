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


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": "60"},
        {"epochs": -1},
        {"batch": 1 << 31},
        {"batch": True},
        {"batch": 1.5},
        {"learning_rate": []},
        {"precision": "fp64"},
        {"generator": {"name": "edge", "widths": [1 << 31]}},
        {"generator": {"name": "edge", "widths": "128"}},
        {"generator": []},
        {"controller": {"name": 3}},
        {"controller": {"name": "ct", "eta": "1"}},
        {"objective": {"preserver": "1"}},
        {"objective": {"unknown": 1}},
        {"classifier": "resnet50"},
        {"classifier": {"name": 3}},
        {"classifier": {"name": "resnet50", "mean": ["a"]}},
        {"classifier": {"name": "resnet50", "unknown": 3}},
        {"seed": 1 << 63},
        {"start_from": 3},
        {"a\x1b[31m": 3},
        {"anchor": 0.2},
    ],
)
def test_settings_of_wrong_types_or_giant_sizes_are_one_line(
    changes: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "config.json"
    TrainConfig(ClassifierSpec("resnet50")).save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(RunError, match="not a run's settings") as caught:
        TrainConfig.load(path)
    assert len(str(caught.value).splitlines()) == 1
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[]", "null", "3", '{"epochs": NaN}', '{"a": 1, "a": 2}', "\xff"]
)
def test_other_json_is_no_settings(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(RunError, match="not a run's settings"):
        TrainConfig.load(tmp_path / "config.json")
