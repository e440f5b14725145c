import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.tiny_network import CLASSES, SIDE, build
from whyframe.input_spec import InputSpec
from whyframe_evaluation import EvaluationOptions, EvaluationResult, evaluate, write_report
from whyframe_evaluation.methods.method import Method
from whyframe_evaluation.report import writer
from whyframe_evaluation.run import experiments
from whyframe_training.classifiers.classifier import Classifier

LABELS = [f"class {index}, thing" for index in range(CLASSES)]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(build(), name="tiny", labels=LABELS, input=InputSpec.square(SIDE))


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(4):
        coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), np.kron(coarse, np.ones((12, 12, 1), np.uint8)))
    return folder


@pytest.fixture
def boxed(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Three images of 100 x 50 with boxes: of every class, of no class, of every class."""
    folder = tmp_path / "boxed"
    (folder / "images").mkdir(parents=True)
    entries = []
    for index, category in enumerate(("thing", "nothing", "thing")):
        cv2.imwrite(
            str(folder / "images" / f"{index}.png"), rng.integers(0, 256, (50, 100, 3), dtype=np.uint8)
        )
        box = {"category": category, "xyxy": [0, 25, 50, 50]}
        entries.append({"file": f"{index}.png", "boxes": [box]})
    (folder / "boxes.json").write_text(json.dumps(entries))
    return folder


class Brightness(Method):
    name, title, paper = "brightness", "Brightness", "none"
    calls = 0

    def _explain(self, classifier, images, targets, progress):
        Brightness.calls += 1
        return images.mean(1)


class Broken(Brightness):
    name, title = "broken", "Broken"
    works = False

    def _explain(self, classifier, images, targets, progress):
        if not Broken.works:
            raise RuntimeError("it does not\nwork")
        return super()._explain(classifier, images, targets, progress)


class Empty(Brightness):
    name, title = "empty", "Empty"

    def _explain(self, classifier, images, targets, progress):
        return images.mean(1) * float("nan")


class Costly(Brightness):
    name, title = "costly", "Costly"

    def _explain(self, classifier, images, targets, progress):
        for _ in range(101):
            classifier.logits(images)
        return super()._explain(classifier, images, targets, progress)


@pytest.fixture
def brightness() -> type[Brightness]:
    return Brightness


@pytest.fixture
def broken() -> type[Broken]:
    return Broken


@pytest.fixture(autouse=True)
def methods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "CHEAPEST_PASSES", -1)  # a test of the experiments changes it back
    Brightness.calls, Broken.works = 0, False


@pytest.fixture
def evaluated(classifier: Classifier, photos: Path, tmp_path: Path) -> Callable[..., EvaluationResult]:
    """Evaluate methods by name on folders, by default on the photos, in the folder ``report``."""
    methods = {method.name: method for method in (Brightness, Broken, Empty, Costly)}

    def run(*names: str, data: tuple[Path, ...] = (), **options: object) -> EvaluationResult:
        return evaluate(
            classifier,
            data or (photos,),
            [methods[name]() for name in names],
            tmp_path / "report",
            options=EvaluationOptions(**options),
        )

    return run


@pytest.fixture
def report(evaluated, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Evaluate as `evaluated` does, write the tables and values without the costly page, and return the folder."""
    monkeypatch.setattr(writer, "render_page", lambda _: "")

    def write(*names: str, **arguments: object) -> Path:
        return write_report(evaluated(*names, **arguments)).parent

    return write
