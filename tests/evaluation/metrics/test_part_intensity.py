import math
from dataclasses import replace

import numpy as np
import pytest

from whyframe_evaluation.annotations.keypoints import Keypoint
from whyframe_evaluation.metrics.part_intensity import (
    PartIntensity,
    intensity_at,
    intensity_ratio,
    part_intensities,
    parts_of,
)

GROUPS = {"eyes": ("eye",), "feet": ("foot", "paw")}


def test_the_intensity_is_the_mean_of_a_window_cut_at_the_border() -> None:
    heatmap = np.zeros((9, 9))
    heatmap[4, 4] = 25
    assert intensity_at(heatmap, 2, 2) == 1
    assert intensity_at(heatmap, 6.9, 6.9) == 1
    assert intensity_at(heatmap, 1, 4) == 0
    heatmap[0, 0] = 9
    assert intensity_at(heatmap, 0, 0) == 1  # 3 x 3 pixels remain


def test_the_intensity_outside_the_heatmap_is_nan() -> None:
    heatmap = np.zeros((9, 9))
    assert math.isnan(intensity_at(heatmap, 9, 0))
    assert math.isnan(intensity_at(heatmap, 0, -0.1))
    assert math.isnan(intensity_at(heatmap, math.nan, 0))


def animals(count: int, category: str = "tiger") -> tuple[dict[str, np.ndarray], list[Keypoint]]:
    """Return heatmaps of 0.8 on the left and 0.2 on the right, with two eyes on the left and a foot on the right."""
    heatmap = np.full((20, 40), 0.2)
    heatmap[:, :20] = 0.8
    files = [f"{category}{i}.jpg" for i in range(count)]
    parts = [("left_eye", 5.0), ("right_eye", 9.0), ("foot", 30.0)]
    points = [Keypoint(file, category, part, x, 10.0) for file in files for part, x in parts]
    return dict.fromkeys(files, heatmap), points


def test_a_part_is_identified_by_a_word_in_its_name() -> None:
    points = [Keypoint("a.jpg", "dog", part, 0, 0) for part in ("L_Eye", "nose", "L_F_Paw", "foot")]
    assert parts_of(GROUPS["eyes"], points) == points[:1]
    assert parts_of(GROUPS["feet"], points) == points[2:]


def test_intensities_are_means_over_the_keypoints_of_a_group() -> None:
    heatmaps, points = animals(10)
    (row,) = part_intensities(heatmaps.get, points, GROUPS)
    assert (row.category, row.images) == ("tiger", 10)
    assert row.intensity == pytest.approx({"eyes": 0.8, "feet": 0.2})
    assert intensity_ratio(row, "eyes", "feet") == pytest.approx(4)


def test_there_is_no_ratio_to_an_intensity_of_zero() -> None:
    row = PartIntensity("tiger", {"eyes": 0.5, "feet": 0.0}, 10)
    assert intensity_ratio(row, "eyes", "feet") is None
    assert intensity_ratio(row, "feet", "eyes") == 0


def test_a_category_needs_ten_images_with_both_groups() -> None:
    heatmaps, points = animals(10)
    assert part_intensities(heatmaps.get, points[:-1], GROUPS) == []  # the last foot is not visible
    more_maps, more_points = animals(11, "bison")
    (row,) = part_intensities((heatmaps | more_maps).get, points[:-1] + more_points, GROUPS)
    assert row.category == "bison"


def test_keypoints_without_a_heatmap_or_outside_it_are_left_out() -> None:
    heatmaps, points = animals(12)
    del heatmaps["tiger0.jpg"]
    points[-1] = replace(points[-1], x=40.0)
    (row,) = part_intensities(heatmaps.get, points, GROUPS)
    assert row.images == 10
