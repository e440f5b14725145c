import numpy as np
import pytest

from whyframe.colormap import blend, blend_tables
from whyframe.input_spec import InputSpec
from whyframe.postprocess import to_frame
from whyframe.resize_rule import ResizeRule
from whyframe.scores import MINIMUM_CONTRAST, HostScores, has_no_signal

CROP = InputSpec(resize=ResizeRule(mode="crop"))


def test_scores_know_the_size_of_their_frame_and_its_resize_rule(rng):
    mask = rng.random((4, 4), dtype=np.float32)
    scores = HostScores(mask, False, (6, 10), CROP)
    np.testing.assert_array_equal(scores.saliency, to_frame(mask, 6, 10, CROP))
    assert scores.saliency is scores.saliency
    for array in (scores.mask, scores.saliency):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_scores_blend_their_frame(rng, frame):
    scores = HostScores(rng.random((4, 4), dtype=np.float32), False, frame.shape[:2], InputSpec())
    expected = blend(frame, scores.saliency, *blend_tables())
    np.testing.assert_array_equal(scores.blend(frame, *blend_tables()), expected)


def test_a_constant_map_has_no_signal(rng):
    busy = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    varied = rng.random((4, 4), dtype=np.float32)
    assert has_no_signal(np.full((4, 4), 0.1768, np.float32), busy)
    assert has_no_signal(np.zeros((4, 4), np.float32), busy)
    assert has_no_signal(np.full((4, 4), np.nan, np.float32), busy)
    assert not has_no_signal(varied, busy)


def test_a_frame_without_contrast_has_no_signal_whatever_its_colour(rng):
    varied = rng.random((4, 4), dtype=np.float32)
    wall = np.full((64, 64, 3), (30, 90, 200), np.float64)
    noisy = (wall + rng.normal(0, MINIMUM_CONTRAST / 2, wall.shape)).round().astype(np.uint8)
    object_on_it = noisy.copy()
    object_on_it[20:30, 20:30] += 40
    assert has_no_signal(varied, noisy)
    assert not has_no_signal(varied, object_on_it)
