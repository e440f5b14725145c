import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tiny_network import CLASSES, SIDE, build

from whyframe_training.classifiers import Classifier
from whyframe_training.data import DataError
from whyframe_training.methods.base import Method
from whyframe_training.study import report as reporting
from whyframe_training.study import run
from whyframe_training.study.measures import MEASURES, Bench
from whyframe_training.study.store import Row, Store, StudyError
from whyframe_training.study.subjects import Subject, find_images, look_at
from whyframe_training.study.summary import markdown, summarise

LABELS = [f"class {index}" for index in range(CLASSES)]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(build(), name="tiny", labels=LABELS, side=SIDE)


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(4):
        coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), np.kron(coarse, np.ones((12, 12, 1), np.uint8)))
    return folder


class Brightness(Method):
    name, title, paper = "brightness", "Brightness", "none"
    calls = 0

    def _explain(self, classifier, images, targets, progress):
        type(self).calls += 1
        return images.mean(1)


class Broken(Brightness):
    name, title = "broken", "Broken"

    def _explain(self, classifier, images, targets, progress):
        raise RuntimeError("it does not\nwork")


class Costly(Brightness):
    name, title = "costly", "Costly"

    def _explain(self, classifier, images, targets, progress):
        for _ in range(101):
            classifier.logits(images)
        return super()._explain(classifier, images, targets, progress)


@pytest.fixture(autouse=True)
def methods(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {one.name: one for one in (Brightness, Broken, Costly)}
    monkeypatch.setattr(run, "build_method", lambda name: known[name]())
    Brightness.calls = 0


def test_a_report_has_every_method_value_and_failure(classifier, photos, tmp_path) -> None:
    html = reporting.report(
        classifier, [photos], ["brightness", "broken"], tmp_path / "report", quick=True, limit=None, shown=2
    )
    text = html.read_text(encoding="utf-8")
    assert text.count("<img") == 2 + 2  # two pictures, each with the one map that there is
    assert "broken on 0.png: it does not work" in text
    assert "http" not in text.replace("http-equiv", "")  # self-contained
    lines = [json.loads(line) for line in (tmp_path / "report" / "values.jsonl").read_text().splitlines()]
    assert len(lines) == 1 + 2 * 4
    assert {line["error"] for line in lines[1:] if line["method"] == "broken"} == {"it does not work"}
    table = (tmp_path / "report" / "table.md").read_text()
    assert "| broken | - | - | - | - |" in table
    assert table.rstrip().endswith("| 4 |")


def test_an_interrupted_study_goes_on(classifier, photos, tmp_path) -> None:
    def write():
        return reporting.report(
            classifier, [photos], ["brightness"], tmp_path / "r", quick=True, limit=None, shown=1
        )

    whole = write().read_text()
    assert Brightness.calls == 4
    values = tmp_path / "r" / "values.jsonl"
    lines = values.read_text().splitlines(keepends=True)
    values.write_text("".join(lines[:3]) + lines[3][:20])  # cut in the middle of a line
    assert write().read_text().split("seconds")[0] == whole.split("seconds")[0]
    assert Brightness.calls == 4 + 2


def test_costly_methods_see_fewer_pictures_where_the_budget_is_quick(
    classifier, photos, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(run, "COSTLY_IMAGES", 2)
    for quick, count in ((True, 2), (False, 4)):
        folder = tmp_path / str(quick)
        reporting.report(
            classifier, [photos], ["costly", "brightness"], folder, quick=quick, limit=None, shown=0
        )
        rows = [json.loads(line) for line in (folder / "values.jsonl").read_text().splitlines()[1:]]
        assert [row["method"] for row in rows].count("costly") == count
        assert [row["method"] for row in rows].count("brightness") == 4
        assert {row["forward"] for row in rows if row["method"] == "costly"} == {101}


def test_another_study_is_not_mixed_in(tmp_path) -> None:
    Store(tmp_path / "values.jsonl", {"classifier": "a"}).add(Row("m", "f", 0))
    with pytest.raises(StudyError, match="another study"):
        Store(tmp_path / "values.jsonl", {"classifier": "b"})
    assert Store(tmp_path / "values.jsonl", {"classifier": "a"}).has("m", "f")


def test_a_damaged_store_says_so(tmp_path) -> None:
    path = tmp_path / "values.jsonl"
    path.write_text("not JSON\n")
    with pytest.raises(StudyError, match="damaged"):
        Store(path, {})


def test_boxes_are_scaled_to_the_picture_as_it_is_seen(classifier, tmp_path, rng, monkeypatch) -> None:
    folder = tmp_path / "boxed"
    (folder / "images").mkdir(parents=True)
    cv2.imwrite(str(folder / "images" / "a.png"), rng.integers(0, 256, (50, 100, 3), dtype=np.uint8))
    boxes = [{"file": "a.png", "boxes": [{"category": "thing", "xyxy": [0, 25, 50, 50]}]}]
    (folder / "boxes.json").write_text(json.dumps(boxes))
    (picture,) = find_images([folder], None)
    monkeypatch.setattr("whyframe_training.boxes.IMAGENET_CLASSES", {"thing": frozenset(range(CLASSES))})
    assert look_at(picture, classifier).boxes == ((0, SIDE / 2, SIDE / 2, SIDE),)
    with pytest.raises(DataError):
        find_images([tmp_path / "none"], None)


def test_measures_are_those_of_known_maps(classifier) -> None:
    image = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    boxed = Subject("a", image, 0, ((0, 0, SIDE / 2, SIDE),))
    left = torch.zeros(SIDE, SIDE)
    left[:, : SIDE // 2] = 1
    values = Bench(classifier).measure(boxed, left)
    assert set(values) == set(MEASURES)
    assert values["pr_auc"] == pytest.approx(100)
    assert values["pointing"] == 100
    assert values["skewness"] == pytest.approx(0)
    assert Bench(classifier).measure(boxed, 1 - left)["pointing"] == 0
    without = Bench(classifier).measure(Subject("b", image, 0, ()), left)
    assert without["pr_auc"] is None
    assert Bench(classifier).measure(boxed, torch.zeros(8, 8))["skewness"] is None


def test_means_intervals_and_counts() -> None:
    rows = [Row("m", str(i), 0, {"faithfulness": v}, 1, 0, 0.5) for i, v in enumerate((10.0, 20.0, None))]
    (line,) = summarise([*rows, Row("m", "3", 0, error="no")], ["m"])
    cell = line.cells["faithfulness"]
    assert (cell.mean, cell.count, line.failures) == (15.0, 2, 1)
    assert 10 <= cell.low <= 15 <= cell.high <= 20
    assert "15.00 (10.00 to 20.00, n = 2)" in markdown([line])
