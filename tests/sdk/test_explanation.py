import dataclasses
import json

import cv2
import numpy as np
import pytest

from helpers import toy
from whyframe.errors import OptionError, OutputError
from whyframe.explanation import ClassScore, Explanation


@pytest.fixture
def result(engine, frame) -> Explanation:
    return engine.run(frame)


def test_a_result_is_frozen_and_its_arrays_are_read_only(result):
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


def multi_label(
    result: Explanation, *probabilities: float, thresholds: tuple[float, ...] = (0.5,)
) -> Explanation:
    """Return the explanation of a label of a multi-label model with these probabilities, the most probable one."""
    manifest = dataclasses.replace(
        result.manifest, exclusive=False, activation="sigmoid", thresholds=thresholds
    )
    values = np.array(probabilities, np.float32)
    best = int(values.argmax())
    explained = {"class_id": best, "label": toy.LABELS[best], "probability": float(values[best])}
    return dataclasses.replace(result, manifest=manifest, probabilities=values, **explained)


def test_top_of_a_multi_label_model_has_the_labels_above_their_threshold(result):
    several = multi_label(result, 0.6, 0.9, 0.5, 0.49, 0.1)
    assert [score.class_id for score in several.top()] == [1, 0, 2]
    assert several.top() == several.labels_above_threshold
    assert [score.label for score in several.top(2)] == ["green", "red"]
    assert several.top(0) == []
    assert several.top(99) == several.top()
    assert len(multi_label(result, *[0.7] * 5).top()) == 5
    own = multi_label(result, 0.6, 0.9, 0.5, 0.49, 0.1, thresholds=(0.7, 0.7, 0.4, 0.4, 0.1))
    assert [score.class_id for score in own.top()] == [1, 2, 3, 4]


def test_a_multi_label_model_may_find_no_label(result):
    nothing = multi_label(result, 0.3, 0.2, 0.1, 0.0, 0.0)
    assert (
        nothing.top() == nothing.labels_above_threshold == nothing.to_dict()["labels_above_threshold"] == []
    )
    assert nothing.label == "red"
    assert len(nothing.to_dict()["top5"]) == 5


def test_exclusive_classes_have_no_thresholds(result):
    assert result.labels_above_threshold is None
    assert result.to_dict()["labels_above_threshold"] is None
    assert len(result.top()) == 5


def test_the_json_of_a_multi_label_model_has_every_label_above_its_threshold(result):
    values = json.loads(json.dumps(multi_label(result, 0.6, 0.9, 0.1, 0.0, 0.0).to_dict()))
    assert values["labels_above_threshold"] == [
        {"label": "green", "probability": pytest.approx(0.9), "class_id": 1},
        {"label": "red", "probability": pytest.approx(0.6), "class_id": 0},
    ]


def test_a_class_of_top_has_named_fields(result):
    best = result.top(1)[0]
    assert isinstance(best, ClassScore)
    assert (best.label, best.probability, best.class_id) == best
    label, probability, class_id = best
    assert (label, probability, class_id) == (result.label, result.probability, result.class_id)


def test_flat_is_no_signal_and_warns(result):
    with pytest.warns(DeprecationWarning, match="use no_signal"):
        assert result.flat == result.no_signal
    assert result.to_dict()["flat"] == result.to_dict()["no_signal"] == result.no_signal


def test_saliency_is_computed_once(result):
    assert result.saliency is result.saliency
    assert result.saliency.shape == (48, 64)
    assert result.saliency.dtype == np.float32


def test_replace_changes_the_position_and_keeps_the_map(result):
    moved = dataclasses.replace(result, index=7, timestamp=0.28)
    assert (moved.index, moved.timestamp, result.index) == (7, 0.28, 0)
    np.testing.assert_array_equal(moved.saliency, result.saliency)


def test_to_dict_is_json_with_the_documented_schema(result):
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    keys = ["index", "timestamp", "class_id", "label", "contrast", "probability", "top5"]
    keys += ["labels_above_threshold", "no_signal", "flat", "peak", "timings"]
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
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_save_writes_the_saliency(result, tmp_path):
    np.testing.assert_array_equal(np.load(result.save(tmp_path / "out.npy")), result.saliency)


def test_save_takes_the_options_of_overlay(result, tmp_path):
    options = {"colormap": "inferno", "opacity": 0.5, "caption": "as asked"}
    image = cv2.imread(str(result.save(tmp_path / "out.png", **options)))
    np.testing.assert_array_equal(image, result.overlay(**options))
    with pytest.raises(OptionError, match="opacity is 2"):
        result.save(tmp_path / "other.png", opacity=2)
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


@pytest.mark.parametrize("name", ["out.gif", "out", "out.txt"])
def test_save_refuses_other_endings(result, tmp_path, name):
    with pytest.raises(OutputError, match=r"\.png.*\.npy"):
        result.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_save_refuses_a_missing_folder(result, tmp_path):
    with pytest.raises(OutputError, match="create it"):
        result.save(tmp_path / "absent" / "out.png")
