import logging
import subprocess
import sys
from pathlib import Path

import pytest

import whyframe_evaluation
from helpers.full_disk import full_disk
from helpers.keypoint_file import write_keypoints
from whyframe.errors import OutputError, WhyframeError
from whyframe_evaluation import EvaluationOptions, evaluate, write_report
from whyframe_evaluation.run.results import EvaluationError
from whyframe_training.classifiers import onnx_runtime
from whyframe_training.classifiers.classifier import ClassifierSpec
from whyframe_training.folder_lock import FolderLock


def test_the_package_is_imported_without_pytorch() -> None:
    code = (
        "import sys, whyframe_evaluation; assert 'torch' not in sys.modules and 'jinja2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {"evaluate", "write_report"} < set(dir(whyframe_evaluation))
    with pytest.raises(AttributeError, match="no attribute 'report_everything'"):
        whyframe_evaluation.report_everything  # noqa: B018 - the lookup is what is tested


@pytest.mark.parametrize("classifier", ["efficientnet_lite0", ClassifierSpec("efficientnet_lite0")])
def test_classifiers_and_methods_may_be_given_by_name(photos: Path, tmp_path: Path, classifier) -> None:
    options = EvaluationOptions(limit=1)
    result = evaluate(classifier, str(photos), "cam", str(tmp_path / "report"), options=options)
    assert result.classifier.name == "efficientnet_lite0"
    assert [summary.title for summary in result.method_summaries] == ["CAM"]
    assert result.folder == tmp_path / "report"


def test_the_result_has_samples_results_summaries_and_facts(evaluated) -> None:
    result = evaluated("brightness", "broken")
    assert [sample.file for sample in result.samples] == [f"photos/{index}.png" for index in range(4)]
    assert [bool(item.error) for item in result.map_results] == [False] * 4 + [True] * 4
    working, broken = result.method_summaries
    assert working.estimates["skewness"].count == 4
    assert (broken.estimates, broken.failures) == ({}, 4)
    assert (result.facts.classifier, result.facts.data, result.facts.images) == ("tiny", "photos", 4)
    assert result.facts.budget.startswith("quick: costly methods and metrics on the first 24 images")
    assert set(result.experiments["rotation"]) == {"5", "15", "30", "60", "90"}
    assert result.part_summaries is None
    assert result.warnings == []


def test_images_without_a_box_of_the_predicted_class_are_left_out(evaluated, boxed) -> None:
    result = evaluated("brightness", data=(boxed,))
    assert [sample.file for sample in result.samples] == ["boxed/0.png", "boxed/2.png"]
    assert (result.facts.boxed, result.facts.left_out) == (2, 1)


def test_an_evaluation_without_samples_is_refused_and_leaves_no_folder(evaluated, boxed, tmp_path) -> None:
    entries = (boxed / "boxes.json").read_text()
    (boxed / "boxes.json").write_text(entries.replace('"thing"', '"nothing"'))
    with pytest.raises(EvaluationError, match=r"none of the 3 images has a box of the class"):
        evaluated("brightness", data=(boxed,))
    assert not (tmp_path / "report").exists()


def test_a_category_that_is_no_class_is_warned_about_once(evaluated, boxed, caplog) -> None:
    with caplog.at_level(logging.WARNING, "whyframe"):
        (warning,) = evaluated("brightness", data=(boxed,)).warnings
    assert warning.startswith("No class of the classifier is called nothing:")
    assert "rename the category" in warning
    assert caplog.messages == [warning]


def test_a_network_that_onnx_runtime_cannot_run_is_warned_about(evaluated, caplog, monkeypatch) -> None:
    monkeypatch.setattr(onnx_runtime, "TOLERANCE", -1.0)
    with caplog.at_level(logging.WARNING, "whyframe"):
        (warning,) = evaluated("brightness", limit=1).warnings
    assert warning.endswith("; it is run by PyTorch, which takes longer.")
    assert caplog.messages == [warning]


def test_parts_are_compared_only_with_keypoints(evaluated, photos: Path, tmp_path: Path) -> None:
    path = write_keypoints(tmp_path / "keypoints.json")
    assert evaluated("brightness", keypoints=path).part_summaries == []  # too few images
    assert evaluated("brightness").part_summaries is None


def test_the_folder_of_the_report_folder_must_exist(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"gone is not a folder, so .*report cannot be made"):
        evaluate("efficientnet_lite0", [photos], "cam", tmp_path / "gone" / "report")


def test_an_unknown_budget_is_refused() -> None:
    with pytest.raises(WhyframeError, match="there is no budget 'slow': choose quick or paper"):
        EvaluationOptions(budget="slow")


def test_a_report_folder_in_use_is_refused(evaluated, tmp_path: Path) -> None:
    result = evaluated("brightness")
    for use in (lambda: evaluated("brightness"), lambda: write_report(result)):
        with FolderLock(result.folder), pytest.raises(OutputError, match="is in use by process"):
            use()


def test_a_full_disk_is_an_error_and_the_evaluation_resumes(evaluated) -> None:
    with full_disk(700), pytest.raises(OutputError, match=r"cannot be written \(.*; make room"):
        evaluated("brightness")
    assert len(evaluated("brightness").map_results) == 4
