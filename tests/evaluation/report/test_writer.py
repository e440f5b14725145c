"""Folders in, a report folder out."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.keypoint_file import write_keypoints
from whyframe_evaluation import write_report


def table_of(folder: Path, group: str) -> str:
    text = (folder / "table.md").read_text()
    return text.split(f"## {group}\n")[1].split("## ")[0]


def test_a_report_has_every_method_value_and_failure(evaluated) -> None:
    page = write_report(evaluated("brightness", "broken", "empty"), shown=2)
    text = page.read_text(encoding="utf-8")
    assert "broken on photos/0.png: it does not work" in text
    assert "empty on photos/0.png: the map holds values that are not finite" in text
    assert "| broken | - | - " in table_of(page.parent, "Faithfulness")
    (cost,) = [line for line in table_of(page.parent, "Cost").splitlines() if line.startswith("| broken |")]
    assert cost.endswith("| 4 |")


def test_a_report_of_fewer_images_has_their_values_only(report) -> None:
    report("brightness")
    table = table_of(report("brightness", limit=1), "Faithfulness")
    assert "n = 1)" in table
    assert "n = 4)" not in table


def test_the_values_are_those_of_the_evaluation(evaluated, report, boxed) -> None:
    result = evaluated("brightness", "broken", data=(boxed,))
    document = json.loads((report("brightness", "broken", data=(boxed,)) / "values.json").read_text())
    assert [entry["file"] for entry in document["pictures"]] == [sample.file for sample in result.samples]
    assert document["pictures"][0]["category"] == "thing"
    for row, item in zip(document["rows"], result.map_results, strict=True):
        assert row["values"] == pytest.approx(item.values, abs=1e-4)
        assert row["error"] == item.error
    (working, broken) = document["summary"]
    values = [row["values"]["pr_auc"] for row in document["rows"][:2]]
    assert working["cells"]["pr_auc"]["mean"] == pytest.approx(np.mean(values))
    assert (broken["cells"], broken["failures"]) == ({}, 2)
    assert set(working["cells"]) <= set(document["columns"])


def test_parts_are_compared_only_with_keypoints(report, photos: Path, tmp_path: Path, brightness) -> None:
    """Images are black above and white below, with an eye and a foot on one spot at the edge."""
    image = np.repeat(np.uint8([0, 255]), 36)[:, None, None].repeat(96, 1).repeat(3, 2)
    for index in range(10):
        cv2.imwrite(str(photos / f"{index}.png"), image)
    path = write_keypoints(tmp_path / "keypoints.json", files=tuple(f"{index}.png" for index in range(10)))
    folder = report("brightness", "broken", keypoints=path)
    (entry,) = json.loads((folder / "values.json").read_text())["experiments"]["parts"]
    assert (entry["method"], entry["images"], entry["ratio"]) == ("brightness", 10, 1)
    assert 0.5 < entry["eyes"] < 0.75  # the window has three white rows of five
    assert f"| brightness | dog | {entry['eyes']:.3f} |" in (folder / "table.md").read_text()
    report("brightness", keypoints=path, limit=9)
    assert "No method has maps of 10 images" in (folder / "table.md").read_text()
    report("brightness")
    assert "parts" not in (folder / "table.md").read_text()
    assert "parts" not in json.loads((folder / "values.json").read_text())["experiments"]
    assert brightness.calls == 10
