"""The names that `whyframe_training` exports."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import whyframe_training
from helpers.tiny_run import settings, spec


def test_importing_the_package_does_not_import_pytorch() -> None:
    code = "import sys, whyframe_training; print('torch' in sys.modules, 'train' in dir(whyframe_training))"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.split() == ["False", "True"]


def test_every_exported_name_exists_and_others_are_refused() -> None:
    assert all(callable(getattr(whyframe_training, name)) for name in whyframe_training.__all__)
    with pytest.raises(AttributeError, match="no attribute 'trane'"):
        _ = whyframe_training.trane


def test_a_run_is_trained_resumed_and_printed_from_python(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(12):
        cv2.imwrite(str(tmp_path / "photos" / f"{i}.png"), rng.integers(0, 256, (80, 96, 3), np.uint8))
    config = settings(spec(tmp_path), data=str(tmp_path / "photos"), validation=4, epochs=1)
    first = whyframe_training.train(config, str(tmp_path / "run"))
    assert isinstance(first, whyframe_training.Validation)
    lines = str(first).splitlines()
    assert lines[0] == f"faithfulness on {first.count()} of 4 validation images, in percent:"
    assert [line.split()[0] for line in lines[1:3]] == ["predictor", "cam"]
    again = whyframe_training.train(config, tmp_path / "run")
    np.testing.assert_equal(again.scores, first.scores)
