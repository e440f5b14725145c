import numpy as np
import pytest
import torch

from whyframe.input_spec import InputSpec
from whyframe.resize_rule import ResizeRule
from whyframe_evaluation.annotations.keypoints import Keypoint
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_evaluation.summary.part_summary import summarise_parts

STRETCH = InputSpec.square(8)
FILES = [f"photos/{index}.png" for index in range(10)]
POINTS = [
    Keypoint(file, "dog", *part) for file in FILES for part in (("L_Eye", 60.0, 10.0), ("paw", 20.0, 30.0))
]
SAMPLES = [Sample(file, torch.zeros(3, 8, 8), 0, (), size=(40, 80)) for file in FILES]


def ramp(method: str, file: str) -> np.ndarray:
    """It rises from left to right, and its range is not that of a mask."""
    return np.tile(3 + 2 * np.arange(8, dtype=np.float32), (4, 1))


def test_a_map_is_scaled_and_read_in_the_pixels_of_the_file() -> None:
    results = [MapResult("ramp", file, 0) for file in FILES]
    (summary,) = summarise_parts(results, SAMPLES, POINTS, ramp, STRETCH)
    eyes, feet = (((x + 0.5) / 10 - 0.5) / 7 for x in (60, 20))  # bilinear, half-pixel centres
    assert (summary.method, summary.category, summary.images) == ("ramp", "dog", 10)
    assert (summary.eyes, summary.feet, summary.ratio) == pytest.approx((eyes, feet, eyes / feet))


def test_a_method_needs_enough_maps_for_a_summary() -> None:
    results = [MapResult("few", file, 0) for file in FILES[1:]]
    results += [MapResult("failed", file, 0, error="why") for file in FILES]
    results += [MapResult(method, file, 0) for method in ("lost", "all") for file in FILES]
    summaries = summarise_parts(
        results, SAMPLES, POINTS, lambda *names: None if names[0] == "lost" else ramp(*names), STRETCH
    )
    assert [summary.method for summary in summaries] == ["all"]
    assert summarise_parts(results, SAMPLES[1:], POINTS[2:], ramp, STRETCH) == []


def test_a_part_that_the_classifier_does_not_see_does_not_count() -> None:
    results = [MapResult("ramp", file, 0) for file in FILES]
    crop = InputSpec.square(8, resize=ResizeRule(mode="crop"))  # columns 20 to 59 of the files
    assert summarise_parts(results, SAMPLES, POINTS, ramp, crop) == []
    seen = [Keypoint(point.file, "dog", point.part, min(point.x, 59.9), point.y) for point in POINTS]
    (summary,) = summarise_parts(results, SAMPLES, seen, ramp, crop)
    # The windows around the columns 59 and 20 are cut at the crop, where the ramp has its ends.
    assert (summary.eyes, summary.feet) == (1, 0)
