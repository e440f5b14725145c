import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from whyframe_evaluation.annotations.keypoints import Keypoint
from whyframe_evaluation.report.part_section import PartSummary, find_keypoints, part_summaries, parts_table
from whyframe_evaluation.run.dataset import find_image_folders
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_training.data import DataError

FILES = [f"photos/{index}.png" for index in range(10)]
POINTS = [
    Keypoint(file, "dog", *part) for file in FILES for part in (("L_Eye", 60.0, 10.0), ("paw", 20.0, 30.0))
]


def subjects() -> list[Sample]:
    """Of files of 40 x 80 pixels."""
    return [Sample(file, torch.zeros(3, 8, 8), 0, (), size=(40, 80)) for file in FILES]


def ramp(method: str, file: str) -> np.ndarray:
    """It rises from left to right, and its range is not that of a mask."""
    return np.tile(3 + 2 * np.arange(8, dtype=np.float32), (4, 1))


def test_a_map_is_scaled_and_read_in_the_files_own_pixels() -> None:
    (line,) = part_summaries([MapResult("ramp", file, 0) for file in FILES], subjects(), POINTS, ramp)
    eyes, feet = (((x + 0.5) / 10 - 0.5) / 7 for x in (60, 20))  # bilinear, half-pixel centres
    assert (line.method, line.category, line.images) == ("ramp", "dog", 10)
    assert (line.eyes, line.feet, line.ratio) == pytest.approx((eyes, feet, eyes / feet))


def test_a_method_has_a_line_only_of_maps_enough() -> None:
    rows = [MapResult(method, file, 0) for method in ("few", "failed", "lost", "all") for file in FILES]
    rows = [row for row in rows if (row.method, row.file) != ("few", FILES[0])]
    rows = [MapResult("failed", row.file, 0, error="why") if row.method == "failed" else row for row in rows]
    lines = part_summaries(
        rows, subjects(), POINTS, lambda *names: None if names[0] == "lost" else ramp(*names)
    )
    assert [line.method for line in lines] == ["all"]
    assert part_summaries(rows, subjects()[1:], POINTS[2:], ramp) == []


def test_the_table_says_what_there_is() -> None:
    text = parts_table(
        [PartSummary("cam", "dog", 0.5, 0.25, 2.0, 12), PartSummary("bt", "dog", 0.5, 0.0, None, 10)]
    )
    assert "| cam | dog | 0.500 | 0.250 | 2.00 | 12 |" in text
    assert "| bt | dog | 0.500 | 0.000 | - | 10 |" in text
    assert "whatever its predicted class" in text
    assert "No method has maps of 10 pictures" in parts_table([])


def annotated(
    path: Path, parts: tuple[str, ...] = ("eye", "foot"), files: tuple[str, ...] = ("0.png",)
) -> Path:
    """Each file shows each part in its middle."""
    path.write_text(json.dumps({
        "images": [{"id": index, "file_name": file} for index, file in enumerate(files)],
        "categories": [{"id": 1, "name": "dog", "keypoints": parts}],
        "annotations": [
            {"image_id": index, "category_id": 1, "keypoints": [48, 36, 2] * len(parts)}
            for index in range(len(files))
        ],
    }))  # fmt: skip
    return path


def test_keypoints_have_the_names_of_the_studys_pictures(photos: Path, boxed: Path, tmp_path: Path) -> None:
    path = annotated(tmp_path / "keypoints.json", files=("./0.png", "1.png"))
    found = find_keypoints(path, find_image_folders([photos]))
    assert [point.file for point in found] == ["photos/0.png"] * 2 + ["photos/1.png"] * 2
    assert find_keypoints(path, find_image_folders([boxed]))[0].file == "boxed/0.png"
    assert find_keypoints(None, find_image_folders([photos, boxed])) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"parts": ("eye", "nose")}, "shows no feet: no visible part has foot or"),
        ({"parts": ("nose", "paw")}, "shows no eyes: no visible part has eye in"),
        ({"files": ("0.png", "gone.png")}, r"names gone\.png, which is not in .*photos"),
        ({"files": (__file__,)}, r"names .*test_part_section\.py, which is not in"),
    ],
)
def test_keypoints_that_cannot_be_compared_are_refused(
    photos: Path, tmp_path: Path, changes: dict, says: str
) -> None:
    path = annotated(tmp_path / "keypoints.json", **changes)
    with pytest.raises(DataError, match=says):
        find_keypoints(path, find_image_folders([photos]))


def test_keypoints_belong_to_one_folder(photos: Path, boxed: Path, tmp_path: Path) -> None:
    path = annotated(tmp_path / "keypoints.json")
    with pytest.raises(DataError, match=r"--keypoints .* belongs to one folder: give one --data"):
        find_keypoints(path, find_image_folders([photos, boxed]))


def test_a_report_compares_parts_only_if_asked(report, photos: Path, tmp_path: Path, brightness) -> None:
    """Pictures are black above and white below, with an eye and a foot on one spot at the edge."""
    picture = np.repeat(np.uint8([0, 255]), 36)[:, None, None].repeat(96, 1).repeat(3, 2)
    for index in range(10):
        cv2.imwrite(str(photos / f"{index}.png"), picture)
    path = annotated(tmp_path / "keypoints.json", files=tuple(f"{index}.png" for index in range(10)))
    folder = report("brightness", "broken", keypoints=path)
    (line,) = json.loads((folder / "values.json").read_text())["experiments"]["parts"]
    assert (line["method"], line["images"], line["ratio"]) == ("brightness", 10, 1)
    assert 0.5 < line["eyes"] < 0.75  # the window has three white rows of five
    assert f"| brightness | dog | {line['eyes']:.3f} |" in (folder / "table.md").read_text()
    report("brightness", keypoints=path, limit=9)
    assert "No method has maps of 10 pictures" in (folder / "table.md").read_text()
    report("brightness")
    assert "parts" not in (folder / "table.md").read_text()
    assert "parts" not in json.loads((folder / "values.json").read_text())["experiments"]
    assert brightness.calls == 10
