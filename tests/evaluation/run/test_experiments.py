import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers.tiny_network import SIDE
from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.run import experiments
from whyframe_evaluation.run.dataset import find_image_folders, gather
from whyframe_evaluation.run.experiments import (
    Attacked,
    adversarial_values,
    attack,
    run_experiments,
    tables,
    taking_part,
)
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample


class Looking(Method):
    """A map of one value where the picture is brighter than half: it sees what `Spot` sees."""

    name, title, paper = "looking", "Looking", "none"

    def _explain(self, classifier, images, targets, progress):
        return (images.mean(1) > 0.5).float()


def spot_classifier() -> SimpleNamespace:
    """Class 1 where any pixel is bright."""

    def logits(images: torch.Tensor) -> torch.Tensor:
        brightest = images.mean(1).flatten(1).amax(1)
        return torch.stack([torch.full_like(brightest, 0.5), brightest], dim=1)

    classifier = SimpleNamespace(logits=logits, side=SIDE, mean=torch.zeros(3))
    classifier.modules = classifier.parameters = lambda: iter(())
    return classifier


def spotted(count: int) -> Attacked:
    images = torch.full((count, 3, SIDE, SIDE), 0.3)
    for index, image in enumerate(images):
        image[:, 3 + index : 6 + index, 5:9] = 1.0
    return Attacked(
        [str(i) for i in range(count)], images, torch.zeros(count).long(), torch.ones(count).long()
    )


def blank(count: int) -> list[torch.Tensor]:
    """What `Looking` gives for the clean pictures."""
    return [torch.zeros(SIDE, SIDE)] * count


def test_a_map_that_finds_the_change_recovers_the_label_and_tells_the_pictures() -> None:
    values = adversarial_values(spot_classifier(), Looking(), spotted(12), blank(12))
    assert values == {"count": 12, "recovered": 100, "recovered_top5": 100, "discrimination": 100}


def test_a_map_that_misses_the_change_does_not(monkeypatch) -> None:
    monkeypatch.setattr(
        Looking, "_explain", lambda self, c, images, t, p: images[:, 0] * 0 + torch.eye(SIDE) * 0
    )
    values = adversarial_values(spot_classifier(), Looking(), spotted(12), blank(12))
    assert values["recovered"] == 0
    assert values["discrimination"] == 50


def test_few_pictures_teach_no_network_and_none_give_nothing() -> None:
    assert adversarial_values(spot_classifier(), Looking(), spotted(3), blank(3))["discrimination"] is None
    assert adversarial_values(spot_classifier(), Looking(), spotted(0), []) == {"count": 0}


def test_an_attack_keeps_the_pictures_that_it_fooled() -> None:
    classifier = SimpleNamespace(
        logits=lambda x: torch.stack([0.5 - x.mean((1, 2, 3)), x.mean((1, 2, 3)) - 0.5], 1)
    )
    levels = (0.1, 0.49, 0.51, 0.9)  # only those near 0.5 are within its reach
    subjects = [
        Sample(str(level), torch.full((3, SIDE, SIDE), level), int(level > 0.5), ()) for level in levels
    ]
    found = attack(classifier, subjects)
    assert found.files == ["0.49", "0.51"]
    assert (found.classes.tolist(), found.targets.tolist()) == ([0, 1], [1, 0])
    assert found.images[:, 0, 0, 0].tolist() == pytest.approx([0.49 + 8 / 255, 0.51 - 8 / 255])


def test_what_is_there_is_not_done_again(classifier, photos, tmp_path, monkeypatch) -> None:
    subjects = gather(find_image_folders([photos]), classifier).subjects
    path = tmp_path / "experiments.json"
    looking, tried, real = Looking(), [], experiments.adversarial_values

    def values(classifier, method, *rest):
        tried.append(method.name)
        return 1 / 0 if method.name == "broken" else real(classifier, method, *rest)

    def kept(method, file):
        return None if method == "lost" else np.eye(SIDE, dtype=np.float32)

    monkeypatch.setattr(experiments, "adversarial_values", values)
    first = run_experiments(classifier, subjects, [looking], kept, path)
    assert first == json.loads(path.read_text())
    assert set(first["rotation"]) == {"5", "15", "30", "60", "90"}
    broken, lost = Looking(), Looking()
    broken.name, lost.name = "broken", "lost"
    second = run_experiments(classifier, subjects, [looking, broken, lost], kept, path)
    assert tried == ["looking", "broken"]
    assert second["methods"]["looking"] == first["methods"]["looking"]
    assert "division by zero" in second["methods"]["broken"]["error"]
    assert "| broken | failed: division by zero" in tables(second)
    assert "| lost | failed: it has no map of photos/" in tables(second)
    run_experiments(classifier, subjects[:2], [looking], kept, path)
    assert tried == ["looking", "broken", "looking"]
    looking.version = "retrained"
    run_experiments(classifier, subjects[:2], [looking], kept, path)
    assert tried == ["looking", "broken", "looking", "looking"]


def test_what_failed_is_tried_again(classifier, photos, tmp_path) -> None:
    subjects = gather(find_image_folders([photos]), classifier).subjects
    kept: dict[tuple[str, str], np.ndarray] = {}

    def values() -> dict:
        path = tmp_path / "experiments.json"
        found = run_experiments(classifier, subjects, [Looking()], lambda *key: kept.get(key), path)
        return found["methods"]["looking"]

    assert "it has no map" in values()["error"]
    kept.update({("looking", one.file): np.eye(SIDE, dtype=np.float32) for one in subjects})
    assert "error" not in values()


def test_a_report_has_the_experiments_of_its_cheapest_methods(report, monkeypatch, capsys) -> None:
    monkeypatch.setattr(experiments, "CHEAPEST_PASSES", 2)
    folder = report("brightness", "costly", shown=0)
    found = json.loads((folder / "values.json").read_text())["experiments"]
    assert list(found["methods"]) == ["brightness"]
    assert "Adversarial pictures: Brightness" in capsys.readouterr().out
    text = (folder / "table.md").read_text()
    assert "## Adversarial pictures" in text
    assert f"| 90 | {found['rotation']['90']:.1f} |" in text


def test_the_cheapest_methods_take_part_and_the_papers_own(monkeypatch) -> None:
    monkeypatch.setattr(experiments, "CHEAPEST_PASSES", 2)
    rows = [MapResult("a", str(i), 0, forward=1 + 2 * (i == 0), backward=1) for i in range(3)]
    rows += [MapResult("b", "0", 0, forward=2, backward=1), MapResult("c", "0", 0, error="x")]
    rows.append(MapResult("meaningful-deletion", "0", 0, forward=300, backward=300))
    methods = [SimpleNamespace(name=name) for name in ("meaningful-deletion", "c", "b", "a", "never tried")]
    assert [one.name for one in taking_part(methods, rows)] == ["meaningful-deletion", "a"]
