import dataclasses
import json

import cv2
import numpy as np
import pytest

from helpers import toy
from whyframe.errors import OutputError
from whyframe.explanation import Explanation
from whyframe.scores import FLAT_CONTRAST, is_flat


@pytest.fixture
def result(engine, frame) -> Explanation:
    return engine.run(frame)


def test_it_is_frozen_and_its_arrays_read_only(result):
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.label = "other"
    for array in (result.probabilities, result.mask, result.saliency):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_top_is_sorted(result):
    top = result.top(5)
    assert top[0] == (result.label, result.probability, result.class_id)
    assert [p for _, p, _ in top] == sorted((p for _, p, _ in top), reverse=True)
    assert sum(p for _, p, _ in top) == pytest.approx(1, abs=1e-6)
    assert {name for name, _, _ in top} == set(toy.LABELS)
    assert len(result.top(2)) == 2
    assert len(result.top(99)) == 5
    assert result.top(0) == []


def test_saliency_is_computed_once(result):
    assert result.saliency is result.saliency
    assert result.saliency.shape == (48, 64)
    assert result.saliency.dtype == np.float32


def test_replace_gives_another_place_in_the_video(result):
    moved = dataclasses.replace(result, index=7, timestamp=0.28)
    assert (moved.index, moved.timestamp, result.index) == (7, 0.28, 0)
    np.testing.assert_array_equal(moved.saliency, result.saliency)


def test_to_dict_is_json_with_the_documented_schema(result):
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    keys = ["index", "timestamp", "class_id", "label", "probability", "top5", "flat", "peak", "timings"]
    assert list(values) == keys
    x, y = values["peak"]
    assert result.saliency[y, x] == result.saliency.max()
    assert values["top5"][0] == {
        "label": result.label,
        "probability": result.probability,
        "class_id": result.class_id,
    }
    assert set(values["timings"]) == {"preprocess", "inference", "refine", "total"}


def test_the_peak_is_x_then_y(engine):
    frame = np.zeros((40, 80, 3), np.uint8)
    frame[0:10, 60:80, 2] = 255  # red in the top right corner
    x, y = engine.run(frame, target="red").to_dict()["peak"]
    assert x >= 60
    assert y < 10


@pytest.mark.parametrize("ending", [".png", ".jpg", ".JPEG"])
def test_save_writes_the_overlay(result, tmp_path, ending):
    path = result.save(tmp_path / f"out{ending}")
    image = cv2.imread(str(path))
    difference = np.abs(image.astype(int) - result.overlay()).mean()
    assert difference == 0 if ending == ".png" else difference < 20
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_save_writes_the_saliency(result, tmp_path):
    np.testing.assert_array_equal(np.load(result.save(tmp_path / "out.npy")), result.saliency)


@pytest.mark.parametrize("name", ["out.gif", "out", "out.txt"])
def test_save_refuses_other_endings(result, tmp_path, name):
    with pytest.raises(OutputError, match=r"\.png, \.jpg, \.jpeg, \.npy"):
        result.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_save_refuses_a_missing_folder(result, tmp_path):
    with pytest.raises(OutputError, match="create it"):
        result.save(tmp_path / "absent" / "out.png")


def test_a_constant_map_is_flat(rng):
    busy = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    varied = rng.random((4, 4), dtype=np.float32)
    assert is_flat(np.full((4, 4), 0.1768, np.float32), busy)
    assert is_flat(np.zeros((4, 4), np.float32), busy)
    assert is_flat(np.full((4, 4), np.nan, np.float32), busy)
    assert not is_flat(varied, busy)


def test_a_frame_without_contrast_is_flat_whatever_its_colour(rng):
    varied = rng.random((4, 4), dtype=np.float32)
    wall = np.full((64, 64, 3), (30, 90, 200), np.float64)
    noisy = (wall + rng.normal(0, FLAT_CONTRAST / 2, wall.shape)).round().astype(np.uint8)
    object_on_it = noisy.copy()
    object_on_it[20:30, 20:30] += 40
    assert is_flat(varied, noisy)
    assert not is_flat(varied, object_on_it)
