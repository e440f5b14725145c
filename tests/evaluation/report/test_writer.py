"""The whole way: folders in, a report folder out, resumed wherever it stopped."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from whyframe_evaluation.run import evaluation as run
from whyframe_evaluation.run.map_metrics import METRICS, Metric
from whyframe_evaluation.run.results import EvaluationError


def lines_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "values.jsonl").read_text().splitlines()[1:]]


def table_of(folder: Path, group: str) -> str:
    text = (folder / "table.md").read_text()
    return text.split(f"## {group}\n")[1].split("## ")[0]


def trials(folder: Path) -> list[dict]:
    return [line for line in lines_of(folder) if "target" in line]


def measured(folder: Path) -> dict[str, dict]:
    """By picture, the values of the study's one method."""
    found: dict[str, dict] = {}
    for line in lines_of(folder):
        if not line.get("error"):
            found.setdefault(line["file"], {}).update(line["values"])
    return found


def test_a_report_has_every_method_value_and_failure(report) -> None:
    folder = report("brightness", "broken", "empty", page=True)
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "broken on photos/0.png: it does not work" in text
    assert "empty on photos/0.png: the map holds values that are not finite" in text
    assert len(trials(folder)) == 3 * 4
    assert {line["error"] for line in trials(folder) if line["method"] == "broken"} == {"it does not work"}
    assert "| broken | - | - " in table_of(folder, "Faithfulness")
    (cost,) = [line for line in table_of(folder, "Cost").splitlines() if line.startswith("| broken |")]
    assert cost.endswith("| 4 |")


def test_an_interrupted_study_goes_on(report, brightness) -> None:
    folder = report("brightness")
    assert brightness.calls == 4
    before = measured(folder)
    values = folder / "values.jsonl"
    lines = values.read_text().splitlines(keepends=True)
    values.write_text("".join(lines[:3]) + lines[3][:20])  # cut in the middle of a line
    report("brightness")
    assert brightness.calls == 4 + 2
    assert measured(folder) == before


def test_a_new_measure_is_taken_from_the_kept_maps(report, brightness, monkeypatch) -> None:
    folder = report("brightness")
    tops = {}
    for file in measured(folder):
        tops[file] = float(np.load(folder / "maps" / "brightness" / f"{file}.npz")["scores"].max())
    taken = []

    def top(seen):
        taken.append(seen.subject.file)
        return float(seen.scores.max())

    monkeypatch.setitem(METRICS, "top", Metric("top", "the highest score", "distribution", None, top))
    report("brightness")
    report("brightness")
    assert brightness.calls == 4
    assert sorted(taken) == sorted(tops)  # once each
    assert {file: values["top"] for file, values in measured(folder).items()} == tops


def test_a_method_of_other_weights_explains_anew(report, brightness, monkeypatch) -> None:
    folder = report("brightness")
    monkeypatch.setattr(brightness, "version", "retrained")
    report("brightness")
    assert brightness.calls == 4 + 4
    report("brightness")
    assert brightness.calls == 4 + 4
    monkeypatch.setattr(brightness, "version", "")
    report("brightness")  # only the last maps are kept
    assert brightness.calls == 4 + 4 + 4
    assert all("faithfulness" in line["values"] for line in lines_of(folder)[-4:])


def test_a_lost_map_is_made_again(report, brightness) -> None:
    folder = report("brightness")
    (folder / "maps" / "brightness" / "photos" / "1.png.npz").unlink()
    report("brightness")
    assert brightness.calls == 4 + 1


def test_a_damaged_map_says_what_to_do(report, monkeypatch) -> None:
    folder = report("brightness")
    (folder / "maps" / "brightness" / "photos" / "1.png.npz").write_bytes(b"no map")
    monkeypatch.setitem(METRICS, "new", Metric("new", "", "distribution", None, lambda _: 0.0))
    with pytest.raises(EvaluationError, match=r"brightness for photos/1\.png cannot be read; remove"):
        report("brightness")


def test_what_failed_is_tried_again(report, broken) -> None:
    folder = report("broken")
    broken.mended = True
    report("broken")
    rows = json.loads((folder / "values.json").read_text())["rows"]
    assert {row["error"] for row in rows} == {""}
    assert all(values["skewness"] is not None for values in measured(folder).values())


def test_a_changed_picture_is_explained_anew(report, photos, brightness) -> None:
    folder = report("brightness")
    before = measured(folder)
    cv2.imwrite(str(photos / "2.png"), cv2.imread(str(photos / "2.png"))[::-1])
    report("brightness")
    assert brightness.calls == 4 + 1
    after = measured(folder)
    assert {file for file in after if after[file] != before[file]} == {"photos/2.png"}


def test_pictures_that_are_not_asked_for_do_not_count(report) -> None:
    report("brightness")
    table = table_of(report("brightness", limit=1), "Faithfulness")
    assert "n = 1)" in table
    assert "n = 4)" not in table


def test_costly_methods_and_measures_see_fewer_pictures_where_the_budget_is_quick(
    report, monkeypatch
) -> None:
    monkeypatch.setattr(run, "COSTLY_IMAGES", 2)
    dear = replace(METRICS["skewness"], cost=41)
    monkeypatch.setitem(METRICS, "dear", dear)
    for quick, costly, cheap in ((True, 2, 2), (False, 4, 4)):  # the second goes on with the first
        folder = report("costly", "brightness", quick=quick)
        count = [line["method"] for line in trials(folder)].count
        assert (count("costly"), count("brightness")) == (costly, 4)
        have = [line for line in lines_of(folder) if line["method"] == "brightness"]
        assert sum("dear" in line["values"] for line in have) == cheap
    assert {line["forward"] for line in trials(folder) if line["method"] == "costly"} == {101}


def test_a_box_of_another_class_leaves_a_picture_out(report, boxed) -> None:
    folder = report("brightness", data=(boxed,))
    assert set(measured(folder)) == {"boxed/0.png", "boxed/2.png"}
    facts = json.loads((folder / "values.json").read_text())["facts"]
    assert facts["left out, without a box of the predicted class"] == 1


def test_no_picture_with_a_box_of_the_class_says_so(report, boxed, tmp_path) -> None:
    entries = (boxed / "boxes.json").read_text()
    (boxed / "boxes.json").write_text(entries.replace('"thing"', '"nothing"'))
    with pytest.raises(EvaluationError, match=r"no picture has a box .* \(3 were looked at\)"):
        report("brightness", data=(boxed,))
    assert not (tmp_path / "report").exists()


def test_a_category_that_is_no_class_is_told_once(report, boxed, capsys) -> None:
    report("brightness", data=(boxed,))
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("No class of the classifier is called nothing:") == 1
    assert "rename the category" in said


def test_the_document_has_every_raw_value(report, boxed) -> None:
    folder = report("brightness", "broken", data=(boxed,))
    whole = json.loads((folder / "values.json").read_text())
    assert {picture["file"] for picture in whole["pictures"]} == set(measured(folder))
    assert whole["pictures"][0]["category"] == "thing"
    for row in whole["rows"]:
        if row["method"] == "brightness":
            assert row["values"] == pytest.approx(measured(folder)[row["file"]], abs=1e-4)
            assert "curves" not in row  # they are in values.jsonl
        else:
            assert row["error"]
    (line, broken) = whole["summary"]
    values = [row["values"]["pr_auc"] for row in whole["rows"][:2]]
    assert line["cells"]["pr_auc"]["mean"] == pytest.approx(np.mean(values))
    assert (broken["cells"], broken["failures"]) == ({}, 2)
    assert set(line["cells"]) <= set(whole["columns"])
