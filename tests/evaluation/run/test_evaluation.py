"""Maps and values are stored as they arrive, and an evaluation resumes wherever it stopped."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from whyframe_evaluation.run import evaluation
from whyframe_evaluation.run.map_metrics import METRICS, Metric
from whyframe_evaluation.run.results import EvaluationError


def stored(folder: Path) -> list[dict]:
    """The lines of ``values.jsonl`` after the first, which has the settings."""
    return [json.loads(line) for line in (folder / "values.jsonl").read_text().splitlines()[1:]]


def trials(folder: Path) -> list[dict]:
    return [line for line in stored(folder) if "target" in line]


def stored_values(folder: Path) -> dict[str, dict]:
    """The values of the evaluation's only method, by image."""
    found: dict[str, dict] = {}
    for line in stored(folder):
        if not line.get("error"):
            found.setdefault(line["file"], {}).update(line["values"])
    return found


def test_every_method_is_tried_on_every_sample_and_failures_are_kept(evaluated) -> None:
    folder = evaluated("brightness", "broken", "empty").folder
    errors = {(line["method"], line["error"]) for line in trials(folder)}
    assert len(trials(folder)) == 3 * 4
    assert errors == {
        ("brightness", ""),
        ("broken", "it does not work"),
        ("empty", "the map holds values that are not finite"),
    }


def test_an_interrupted_evaluation_resumes(evaluated, brightness) -> None:
    folder = evaluated("brightness").folder
    assert brightness.calls == 4
    before = stored_values(folder)
    values = folder / "values.jsonl"
    lines = values.read_text().splitlines(keepends=True)
    values.write_text("".join(lines[:3]) + lines[3][:20])  # cut in the middle of a line
    evaluated("brightness")
    assert brightness.calls == 4 + 2
    assert stored_values(folder) == before


def test_a_new_metric_is_computed_from_the_stored_maps(evaluated, brightness, monkeypatch) -> None:
    result = evaluated("brightness")
    highest = {file: float(result.mask("brightness", file).max()) for file in stored_values(result.folder)}
    measured = []

    def top(context):
        measured.append(context.sample.file)
        return float(context.scores.max())

    monkeypatch.setitem(METRICS, "top", Metric("top", "the highest score", "distribution", None, top))
    evaluated("brightness")
    evaluated("brightness")
    assert brightness.calls == 4
    assert sorted(measured) == sorted(highest)  # once each
    assert {file: values["top"] for file, values in stored_values(result.folder).items()} == highest


def test_a_method_with_other_weights_explains_again(evaluated, brightness, monkeypatch) -> None:
    folder = evaluated("brightness").folder
    monkeypatch.setattr(brightness, "version", "retrained")
    evaluated("brightness")
    assert brightness.calls == 4 + 4
    evaluated("brightness")
    assert brightness.calls == 4 + 4
    monkeypatch.setattr(brightness, "version", "")
    evaluated("brightness")  # only the last maps are stored
    assert brightness.calls == 4 + 4 + 4
    assert all("faithfulness" in line["values"] for line in stored(folder)[-4:])


def test_a_lost_map_is_made_again(evaluated, brightness) -> None:
    folder = evaluated("brightness").folder
    (folder / "maps" / "brightness" / "photos" / "1.png.npz").unlink()
    evaluated("brightness")
    assert brightness.calls == 4 + 1


def test_a_damaged_map_is_an_error_that_says_what_to_do(evaluated, monkeypatch) -> None:
    folder = evaluated("brightness").folder
    (folder / "maps" / "brightness" / "photos" / "1.png.npz").write_bytes(b"no map")
    monkeypatch.setitem(METRICS, "new", Metric("new", "", "distribution", None, lambda _: 0.0))
    with pytest.raises(EvaluationError, match=r"brightness for photos/1\.png cannot be read; remove"):
        evaluated("brightness")


def test_a_failed_method_is_tried_again(evaluated, broken) -> None:
    evaluated("broken")
    broken.works = True
    result = evaluated("broken")
    assert {item.error for item in result.map_results} == {""}
    assert all(values["skewness"] is not None for values in stored_values(result.folder).values())


def test_a_changed_image_is_explained_again(evaluated, photos, brightness) -> None:
    folder = evaluated("brightness").folder
    before = stored_values(folder)
    cv2.imwrite(str(photos / "2.png"), cv2.imread(str(photos / "2.png"))[::-1])
    evaluated("brightness")
    assert brightness.calls == 4 + 1
    after = stored_values(folder)
    assert {file for file in after if after[file] != before[file]} == {"photos/2.png"}


def test_images_beyond_the_limit_do_not_count(evaluated) -> None:
    evaluated("brightness")
    result = evaluated("brightness", limit=1)
    assert [item.file for item in result.map_results] == ["photos/0.png"]


def test_the_quick_budget_gives_fewer_images_to_costly_methods_and_metrics(evaluated, monkeypatch) -> None:
    monkeypatch.setattr(evaluation, "COSTLY_IMAGES", 2)
    monkeypatch.setitem(METRICS, "costly", replace(METRICS["skewness"], cost=41))
    for budget, count in (("quick", 2), ("paper", 4)):  # the second run resumes the first
        folder = evaluated("costly", "brightness", budget=budget).folder
        methods = [line["method"] for line in trials(folder)]
        assert (methods.count("costly"), methods.count("brightness")) == (count, 4)
        lines = [line for line in stored(folder) if line["method"] == "brightness"]
        assert sum("costly" in line["values"] for line in lines) == count
    assert {line["forward"] for line in trials(folder) if line["method"] == "costly"} == {101}


def test_masks_are_the_stored_maps(evaluated) -> None:
    result = evaluated("brightness")
    mask = result.mask("brightness", "photos/0.png")
    image = result.samples[0].image.mean(0).numpy()
    np.testing.assert_array_equal(mask, image)
    assert result.mask("brightness", "photos/9.png") is None
