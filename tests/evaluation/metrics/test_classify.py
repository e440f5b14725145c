import numpy as np
import pytest
import torch

from helpers.tiny_network import CLASSES, SIDE, build
from whyframe.input_spec import InputSpec
from whyframe_evaluation.metrics.classify import as_classify
from whyframe_evaluation.metrics.minimal_deletion import box_curve, minimal_area
from whyframe_training.classifiers.classifier import Classifier


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(
        build(), name="tiny", labels=[str(i) for i in range(CLASSES)], input=InputSpec.square(SIDE)
    )


def frames(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_probabilities_do_not_depend_on_the_batch(classifier: Classifier, batch: int) -> None:
    probabilities = as_classify(classifier.probabilities, batch=batch)(frames(7))
    images = torch.from_numpy(frames(7)).permute(0, 3, 1, 2) / 255
    np.testing.assert_allclose(probabilities, classifier.logits(images).softmax(1), atol=1e-5)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(7))


def test_a_metric_of_frames_measures_a_torch_network(classifier: Classifier) -> None:
    frame, heatmap = frames(1)[0], np.random.default_rng(1).random((SIDE, SIDE))
    classify = as_classify(classifier.probabilities)
    target = int(np.argmax(classify(frame[None])))
    curve = box_curve(classify, frame, heatmap, target)
    assert curve.scores[0] == pytest.approx(0, abs=1e-6)  # the box of threshold 0 is the frame
    assert minimal_area(curve, 0.8) <= SIDE * SIDE
