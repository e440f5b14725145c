from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from helpers.toy import Toy
from whyframe import ExplainEngine
from whyframe.check.comparison import Limits
from whyframe.check.diagnosis import Diagnosis, diagnose
from whyframe.check.preparation import Decoding, Images, Normalisation, Preparation
from whyframe.check.run import run_check
from whyframe.input_spec import IMAGENET_MEAN, IMAGENET_STD
from whyframe.model_content import read_content
from whyframe.resize_rule import ResizeRule

CROP = ResizeRule(mode="crop", shorter_side=18, interpolation="bicubic")
FAST = ResizeRule()


class Pipeline:
    """A pipeline in float64 that prepares images in a given way; its network is the toy."""

    takes = "path"

    def __init__(self, preparation: Preparation, change=lambda p: p) -> None:
        self.preparation, self.change = preparation, change

    def __call__(self, path: Path) -> np.ndarray:
        inputs = Images([path], Toy().manifest().input).inputs(self.preparation).astype(np.float64)
        known = self.preparation.normalisation
        if known is not None:
            inputs = 255 * (0.5 + 0.25 * (inputs / 255 - known.mean) / known.std)
        return self.change(Toy().probabilities(inputs))[0]


def diagnosis(model: Path, photos: list[Path], pipeline: Pipeline) -> Diagnosis:
    with ExplainEngine(model, threads=1) as engine:
        result = run_check(engine, read_content(model)[0], photos, pipeline, Limits(0.99, 0.002))
    assert not result.passes
    assert result.diagnosis is not None
    return result.diagnosis


def differing(found: Diagnosis) -> list[str]:
    return [stage.name for stage in found.stages if stage.state == "differs"]


@pytest.mark.parametrize(
    ("preparation", "stages"),
    [
        (Preparation(CROP), ["resizing"]),
        (Preparation(FAST, swapped=True), ["colour order"]),
        (Preparation(CROP, swapped=True), ["colour order", "resizing"]),
        (
            Preparation(FAST, normalisation=Normalisation(IMAGENET_MEAN, IMAGENET_STD, "that of ImageNet")),
            ["normalisation"],
        ),
        (
            Preparation(CROP, normalisation=Normalisation((0.0,) * 3, (1.0,) * 3, "values from 0 to 1")),
            ["resizing", "normalisation"],
        ),
    ],
    ids=str,
)
def test_the_stages_that_differ_and_no_others_are_named(
    model_path: Path, photos: list[Path], preparation: Preparation, stages: list[str]
) -> None:
    found = diagnosis(model_path, photos, Pipeline(preparation))
    assert differing(found) == stages
    assert found.best == preparation
    assert found.after < 1e-4 < found.before


def test_an_ignored_orientation_is_named(photos: list[Path]) -> None:
    """The toy averages over the whole image, so this network looks at the left half."""
    exif = Image.Exif()
    exif[0x0112] = 3
    for path in photos:
        Image.open(path).save(path, exif=exif)

    def classify(inputs: np.ndarray) -> np.ndarray:
        means = inputs[:, :, :8].mean(axis=(1, 2)) / 64
        return np.exp(means) / np.exp(means).sum(axis=1, keepdims=True)

    images = Images(photos, Toy().manifest().input)
    theirs = classify(images.inputs(Preparation(FAST, decoding=Decoding(upright=False))))
    found = diagnose(images, theirs, classify, SimpleNamespace(own=None), enough=0.002)
    assert differing(found) == ["decoding"]
    assert "EXIF orientation ignored" in found.summary()


def test_another_activation_is_a_difference_of_the_graph(model_path: Path, photos: list[Path]) -> None:
    found = diagnosis(model_path, photos, Pipeline(Preparation(FAST), lambda p: p / (p + 0.2)))
    assert differing(found) == ["graph"]
    assert "--activation sigmoid" in found.stages[-1].detail


def test_unknown_weights_are_a_difference_of_the_graph(model_path: Path, photos: list[Path]) -> None:
    found = diagnosis(model_path, photos, Pipeline(Preparation(FAST), lambda p: 1 - p))
    assert "no known preparation explains the answers" in found.stages[-1].detail
    assert differing(found)[-1] == "graph"


def test_a_normalisation_without_a_name_is_said_not_to_be_checked(toy_path: Path, photos: list[Path]) -> None:
    found = diagnosis(toy_path, photos, Pipeline(Preparation(CROP)))
    states = {stage.name: stage.state for stage in found.stages}
    assert states["normalisation"] == "not checked"
    assert found.best == Preparation(CROP)
    assert found.to_dict()["best"]["resize"]["shorter_side"] == 18
