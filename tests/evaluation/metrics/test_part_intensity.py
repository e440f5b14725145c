import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from whyframe_evaluation.annotations.keypoints import Keypoint, read_coco_keypoints
from whyframe_evaluation.metrics.part_intensity import (
    PartIntensity,
    intensity_at,
    intensity_ratio,
    part_intensities,
    parts_of,
)
from whyframe_training.data import DataError

GROUPS = {"eyes": ("eye",), "feet": ("foot", "paw")}


def coco(keypoints: list[float]) -> dict:
    return {
        "images": [{"id": 7, "file_name": "a.jpg"}],
        "categories": [{"id": 3, "name": "tiger", "keypoints": ["left_eye", "right_eye", "foot"]}],
        "annotations": [{"image_id": 7, "category_id": 3, "keypoints": keypoints}],
    }


def test_only_visible_keypoints_are_read(tmp_path: Path) -> None:
    path = tmp_path / "parts.json"
    path.write_text(json.dumps(coco([5, 6, 2, 8, 9, 1, 0, 0, 0])))
    assert read_coco_keypoints(path) == [Keypoint("a.jpg", "tiger", "left_eye", 5, 6)]


@pytest.mark.parametrize("data", ["{", "[]", json.dumps(coco([5, 6])), json.dumps(coco([5, 6, 2]))])
def test_other_forms_are_refused(tmp_path: Path, data: str) -> None:
    path = tmp_path / "parts.json"
    path.write_text(data)
    with pytest.raises(DataError, match="is not a COCO JSON with keypoints"):
        read_coco_keypoints(path)
    for nowhere in (tmp_path / "none.json", tmp_path):
        with pytest.raises(DataError, match=f"{nowhere} cannot be read"):
            read_coco_keypoints(nowhere)


def test_the_window_is_five_by_five_and_cut_at_the_border() -> None:
    heatmap = np.zeros((9, 9))
    heatmap[4, 4] = 25
    assert intensity_at(heatmap, 2, 2) == 1
    assert intensity_at(heatmap, 6.9, 6.9) == 1
    assert intensity_at(heatmap, 1, 4) == 0
    heatmap[0, 0] = 9
    assert intensity_at(heatmap, 0, 0) == 1  # 3 x 3 are left
    assert math.isnan(intensity_at(heatmap, 9, 0))
    assert math.isnan(intensity_at(heatmap, 0, -0.1))
    assert math.isnan(intensity_at(heatmap, math.nan, 0))


def animals(count: int, category: str = "tiger") -> tuple[dict[str, np.ndarray], list[Keypoint]]:
    """Pictures whose left half scores 0.8 and right half 0.2; eyes on the left, a foot on the right."""
    heatmap = np.full((20, 40), 0.2)
    heatmap[:, :20] = 0.8
    files = [f"{category}{i}.jpg" for i in range(count)]
    parts = [("left_eye", 5.0), ("right_eye", 9.0), ("foot", 30.0)]
    points = [Keypoint(file, category, part, x, 10.0) for file in files for part, x in parts]
    return dict.fromkeys(files, heatmap), points


def test_a_part_is_known_by_a_word_in_its_name() -> None:
    points = [Keypoint("a.jpg", "dog", part, 0, 0) for part in ("L_Eye", "nose", "L_F_Paw", "foot")]
    assert parts_of(GROUPS["eyes"], points) == points[:1]
    assert parts_of(GROUPS["feet"], points) == points[2:]


def test_eyes_are_four_times_as_salient_as_feet() -> None:
    heatmaps, points = animals(10)
    (row,) = part_intensities(heatmaps.get, points, GROUPS)
    assert (row.category, row.images) == ("tiger", 10)
    assert row.intensity == pytest.approx({"eyes": 0.8, "feet": 0.2})
    assert intensity_ratio(row, "eyes", "feet") == pytest.approx(4)


def test_there_is_no_ratio_to_nothing() -> None:
    row = PartIntensity("tiger", {"eyes": 0.5, "feet": 0.0}, 10)
    assert intensity_ratio(row, "eyes", "feet") is None
    assert intensity_ratio(row, "feet", "eyes") == 0


def test_a_category_needs_ten_images_that_show_both() -> None:
    heatmaps, points = animals(10)
    assert part_intensities(heatmaps.get, points[:-1], GROUPS) == []  # the last tiger hides its foot
    more_maps, more_points = animals(11, "bison")
    (row,) = part_intensities((heatmaps | more_maps).get, points[:-1] + more_points, GROUPS)
    assert row.category == "bison"


def test_keypoints_without_a_heatmap_or_outside_it_are_left_out() -> None:
    heatmaps, points = animals(12)
    del heatmaps["tiger0.jpg"]
    points[-1] = replace(points[-1], x=40.0)
    (row,) = part_intensities(heatmaps.get, points, GROUPS)
    assert row.images == 10
