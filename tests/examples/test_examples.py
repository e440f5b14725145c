"""The examples run as their own docstrings say."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import torchvision

from helpers import workspace
from whyframe import ExplainEngine
from whyframe.manifest import Manifest
from whyframe.resize_rule import ResizeRule

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace.fill(tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def run(filled: Path, tmp_path: Path):
    environment = workspace.environment(tmp_path / "bin", ROOT)

    def run_in_bash(command: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command.replace("examples/", f"{EXAMPLES}/")],
            cwd=filled,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_in_bash


def test_a_classifier_of_ones_own_is_trained_exported_and_explained(run, filled: Path) -> None:
    torch.save(torchvision.models.mobilenet_v3_small(num_classes=10).state_dict(), filled / "m.pt")
    printed = run(
        "python examples/own_classifier.py photos photo.jpg --weights m.pt --labels labels.txt --side 64 "
        "--validation 4 --epochs 1 --batch 8 -o mine"
    )
    assert "faithfulness" in printed
    assert (filled / "mine" / "explained.png").is_file()


def test_json_lines_are_consumed_by_another_program(run) -> None:
    printed = run("whyframe run clip.mp4 --json | python examples/json_lines.py --minimum 0.01")
    assert printed.startswith("0.00 s to ")


def test_the_model_file_is_enough_for_plain_onnxruntime(run) -> None:
    assert run("python examples/plain_onnxruntime.py model.onnx photo.jpg").startswith("espresso")


@pytest.mark.parametrize(
    "rule",
    [
        ResizeRule(mode="crop"),
        ResizeRule(mode="crop", shorter_side=256, interpolation="bilinear"),
        ResizeRule(mode="letterbox", interpolation="bilinear", fill=(114, 114, 114)),
    ],
    ids=str,
)
def test_plain_onnxruntime_resizes_by_the_rule_of_the_file(run, filled: Path, rule: ResizeRule) -> None:
    manifest = Manifest.read(filled / "model.onnx")
    changed = dataclasses.replace(manifest.input, resize=rule)
    path = filled / f"{rule.mode}.onnx"
    dataclasses.replace(manifest, input=changed).write(onnx.load(filled / "model.onnx"), path)
    with ExplainEngine(path) as engine:
        expected = engine.run(filled / "photo.jpg")
    y, x = np.unravel_index(expected.saliency.argmax(), expected.saliency.shape)
    label, probability, place = re.fullmatch(
        r"(.+) ([\d.]+), strongest at (.+)\n", run(f"python examples/plain_onnxruntime.py {path} photo.jpg")
    ).groups()
    assert label == expected.label
    assert float(probability) == pytest.approx(expected.probability, abs=0.2)  # another filter
    found = [int(number) for number in re.findall(r"\d+", place)]
    assert np.abs(np.subtract(found, (x, y))).max() < 0.1 * max(expected.saliency.shape)


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs a virtual display: apt-get install xvfb")
def test_a_stream_is_shown_in_a_window(run) -> None:
    assert f"{workspace.CLIP_FRAMES} frames shown" in run(
        "xvfb-run -a python examples/stream_opencv.py clip.mp4"
    )
