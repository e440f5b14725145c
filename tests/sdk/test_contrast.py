import dataclasses

import cv2
import numpy as np
import pytest

from helpers import toy
from whyframe import ExplainEngine, TargetError
from whyframe.cli.bundled_images import CAT, COFFEE, read_bundled_image
from whyframe.contrast import contrast_masks


def red_and_blue() -> np.ndarray:
    """Red on the left, blue on the right (BGR)."""
    frame = np.zeros((32, 32, 3), np.uint8)
    frame[:, :16, 2] = frame[:, 16:, 0] = 255
    return frame


def test_the_contrast_is_the_positive_difference_with_a_maximum_of_one() -> None:
    mask, against = np.float32([[0.9, 0.2], [0.5, 0.5]]), np.float32([[0.4, 0.7], [0.3, 0.5]])
    np.testing.assert_allclose(contrast_masks(mask, against), [[1, 0], [0.4, 0]], atol=1e-6)


def test_a_difference_within_the_noise_is_not_enlarged() -> None:
    mask = np.float32([[0.50, 0.54]])
    assert contrast_masks(mask, np.full_like(mask, 0.5)).max() == 0
    assert contrast_masks(mask, mask).max() == 0


@pytest.mark.parametrize("batch", [None, 1, 3])
def test_two_maps_of_one_call_are_contrasted(tmp_path, batch) -> None:
    with ExplainEngine(toy.write(tmp_path / "toy.onnx", batch=batch), threads=1) as engine:
        red, blue = engine.run(red_and_blue(), target="red"), engine.run(red_and_blue(), target="blue")
        result = engine.run(red_and_blue(), target=("red", "blue"))
    np.testing.assert_allclose(result.mask, contrast_masks(red.mask, blue.mask), atol=1e-6)
    assert (result.label, result.contrast, result.no_signal) == ("red", "blue", False)
    assert result.to_dict()["contrast"] == "blue"
    assert red.to_dict()["contrast"] is None


def test_the_predicted_class_can_be_explained_against_another(engine) -> None:
    frame = np.zeros((32, 32, 3), np.uint8)
    frame[:, :20, 2] = frame[:, 20:, 0] = 255
    assert engine.run(frame, target=(None, "blue")).label == "red"
    same = engine.run(frame, target=(None, "red"))
    assert same.no_signal
    assert same.mask.max() == 0


def test_a_frame_without_signal_has_no_contrast(engine) -> None:
    assert engine.run(np.full((32, 32, 3), 90, np.uint8), target=("red", "blue")).no_signal


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (("red", "red"), "one class twice"),
        (("red", "blue", "green"), "not a pair"),
        (("red", None), "not a pair"),
        (("red", "purple"), "no class is named 'purple'"),
    ],
)
def test_what_is_not_a_pair_of_classes_is_refused(engine, target, message) -> None:
    with pytest.raises(TargetError, match=message):
        engine.run(red_and_blue(), target=target)
    with pytest.raises(TargetError, match=message):
        engine.stream("missing.mp4", target=target)


def shown(results) -> list[tuple[str, str | None]]:
    return [(result.label, result.contrast) for result in results]


def test_a_list_has_a_target_for_each_frame_and_may_hold_pairs(engine) -> None:
    frames = [red_and_blue()] * 3
    targets = ["green", ("red", "blue"), ("blue", "red")]
    expected = [("green", None), ("red", "blue"), ("blue", "red")]
    results = engine.run_batch(frames, target=targets)
    assert shown(results) == shown(engine.run_batch(frames, target=tuple(targets))) == expected
    assert [result.index for result in results] == [0, 1, 2]


def test_a_tuple_of_classes_is_one_for_each_frame_or_a_pair_for_all(engine) -> None:
    frames = [red_and_blue()] * 3
    assert shown(engine.run_batch(frames, target=("red", "blue", "green")))[2] == ("green", None)
    assert shown(engine.run_batch(frames, target=("red", "blue"))) == [("red", "blue")] * 3
    with pytest.warns(UserWarning, match="one target for each of two frames"):
        results = engine.run_batch(frames[:2], target=("red", "blue"))
    assert shown(results) == [("red", None), ("blue", None)]


def test_the_caption_names_both_classes(engine) -> None:
    frame = np.full((200, 400, 3), 255, np.uint8)
    frame[:, :200] = (0, 0, 255)
    result = engine.run(frame, target=("red", "blue"))
    same = dataclasses.replace(result, label="red versus blue", contrast=None)
    np.testing.assert_array_equal(result.overlay(), same.overlay())


@pytest.mark.parametrize("cat_is_left", [True, False])
def test_the_bundled_model_separates_a_cat_from_a_cup(cat_is_left) -> None:
    names = [CAT, COFFEE] if cat_is_left else [COFFEE, CAT]
    frame = np.hstack([cv2.resize(read_bundled_image(name), (300, 300)) for name in names])
    with ExplainEngine(threads=1) as engine:
        cat = engine.run(frame, target=("Egyptian cat", "espresso"))
        cup = engine.run(frame, target=("espresso", "Egyptian cat"))
    for result, is_left in ((cat, cat_is_left), (cup, not cat_is_left)):
        left, right = result.saliency[:, :300].sum(), result.saliency[:, 300:].sum()
        share = (left if is_left else right) / (left + right)
        assert share > 0.8
        assert (result.to_dict()["peak"][0] < 300) == is_left
