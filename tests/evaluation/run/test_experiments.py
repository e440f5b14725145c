import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.tiny_network import SIDE
from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.run import experiments
from whyframe_evaluation.run.dataset import find_image_folders, load_dataset
from whyframe_evaluation.run.experiments import run_experiments, select_experiment_methods
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample


class Threshold(Method):
    """A map that is 1 where the image is brighter than half."""

    name, title, paper = "threshold", "Threshold", "none"

    def __init__(self, name: str = "threshold") -> None:
        self.name = name

    def _explain(self, classifier, images, targets, progress):
        return (images.mean(1) > 0.5).float()


@pytest.fixture
def samples(classifier, photos: Path) -> list[Sample]:
    return load_dataset(find_image_folders([photos]), classifier).samples


def test_stored_experiments_are_not_repeated(classifier, samples, tmp_path, monkeypatch) -> None:
    path = tmp_path / "experiments.json"
    threshold, tried, real = Threshold(), [], experiments.adversarial_values

    def values(classifier, method, *rest):
        tried.append(method.name)
        return 1 / 0 if method.name == "broken" else real(classifier, method, *rest)

    def mask_of(method, file):
        return None if method == "lost" else np.eye(SIDE, dtype=np.float32)

    monkeypatch.setattr(experiments, "adversarial_values", values)
    first = run_experiments(classifier, samples, [threshold], mask_of, path)
    assert first == json.loads(path.read_text())
    assert set(first["rotation"]) == {"5", "15", "30", "60", "90"}
    second = run_experiments(
        classifier, samples, [threshold, Threshold("broken"), Threshold("lost")], mask_of, path
    )
    assert tried == ["threshold", "broken"]
    assert second["methods"]["threshold"] == first["methods"]["threshold"]
    assert "division by zero" in second["methods"]["broken"]["error"]
    assert "there is no map of photos/" in second["methods"]["lost"]["error"]
    run_experiments(classifier, samples[:2], [threshold], mask_of, path)
    assert tried == ["threshold", "broken", "threshold"]
    threshold.version = "retrained"
    run_experiments(classifier, samples[:2], [threshold], mask_of, path)
    assert tried == ["threshold", "broken", "threshold", "threshold"]


def test_a_failed_method_is_tried_again(classifier, samples, tmp_path) -> None:
    masks: dict[tuple[str, str], np.ndarray] = {}

    def values() -> dict:
        path = tmp_path / "experiments.json"
        found = run_experiments(classifier, samples, [Threshold()], lambda *key: masks.get(key), path)
        return found["methods"]["threshold"]

    assert "there is no map" in values()["error"]
    masks.update({("threshold", sample.file): np.eye(SIDE, dtype=np.float32) for sample in samples})
    assert "error" not in values()


def test_each_method_is_reported_as_progress(classifier, samples, tmp_path) -> None:
    steps: list[str] = []
    methods = [Threshold("a"), Threshold("b")]
    path = tmp_path / "experiments.json"
    run_experiments(classifier, samples, methods, lambda *_: None, path, steps.append)
    assert steps == ["Threshold", "Threshold"]


def test_a_report_has_the_experiments_of_its_cheapest_methods(report, monkeypatch) -> None:
    monkeypatch.setattr(experiments, "CHEAPEST_PASSES", 2)
    folder = report("brightness", "costly")
    found = json.loads((folder / "values.json").read_text())["experiments"]
    assert list(found["methods"]) == ["brightness"]
    text = (folder / "table.md").read_text()
    assert "## Adversarial images" in text
    assert f"| 90 | {found['rotation']['90']:.1f} |" in text


def test_the_cheapest_methods_and_the_method_of_the_paper_take_part(monkeypatch) -> None:
    monkeypatch.setattr(experiments, "CHEAPEST_PASSES", 2)
    results = [MapResult("a", str(i), 0, forward=1 + 2 * (i == 0), backward=1) for i in range(3)]
    results += [MapResult("b", "0", 0, forward=2, backward=1), MapResult("c", "0", 0, error="x")]
    results.append(MapResult("meaningful-deletion", "0", 0, forward=300, backward=300))
    methods = [SimpleNamespace(name=name) for name in ("meaningful-deletion", "c", "b", "a", "never tried")]
    selected = select_experiment_methods(methods, results)
    assert [method.name for method in selected] == ["meaningful-deletion", "a"]
