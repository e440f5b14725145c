"""Metrics of maps and classifiers whose values are known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers.tiny_network import CLASSES, SIDE
from whyframe.input_spec import InputSpec
from whyframe.perturb import rank_pixels
from whyframe_evaluation.metrics.localisation import GRIDS
from whyframe_evaluation.metrics.score_distribution import discriminative_share, supporting_pixels
from whyframe_evaluation.run.context import STEPS, ClassifierContext, MapContext
from whyframe_evaluation.run.map_curves import CURVES, compute_curves
from whyframe_evaluation.run.map_metrics import COLUMN_GROUPS, METRICS, compute_metrics
from whyframe_evaluation.run.samples import Sample

HALF = SIDE // 2
LEFT = np.zeros((SIDE, SIDE), np.float32)
LEFT[:, :HALF] = 1


def image() -> torch.Tensor:
    return torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def left_sided() -> ClassifierContext:
    """Class 0's odds grow with the contrast of the left half alone; the right half has no effect."""

    def probabilities(images: torch.Tensor) -> torch.Tensor:
        contrast = images[..., :HALF].flatten(1).std(dim=1)
        return torch.stack([40 * (contrast - 0.15), torch.zeros(len(images))], dim=1).softmax(1)

    return ClassifierContext(
        SimpleNamespace(probabilities=probabilities, input=InputSpec.square(SIDE), mean=torch.zeros(3))
    )


def context(
    classifier: ClassifierContext, scores: np.ndarray, boxes: tuple = ((0, 0, HALF, SIDE),)
) -> MapContext:
    return MapContext(classifier, Sample("a", image(), 0, boxes), scores)


def test_every_metric_and_curve_of_a_map(classifier) -> None:
    shared = ClassifierContext(classifier)
    item = context(shared, LEFT)
    assert set(compute_metrics(item, METRICS)) == set(METRICS)
    curves = compute_curves(item, CURVES)
    assert set(curves) == set(CURVES)
    assert [len(curves[name]) for name in ("preserving", "deletion")] == [STEPS + 1] * 2
    assert [len(curves[f"iou_{rule}"]) for rule in GRIDS] == [len(grid) for grid in GRIDS.values()]
    assert {metric.group for metric in METRICS.values()} == set(COLUMN_GROUPS)


def test_metrics_of_boxes(classifier) -> None:
    names = ["pr_auc", "pointing", "pointing_margin"]
    good = compute_metrics(context(ClassifierContext(classifier), LEFT), names)
    assert good == {"pr_auc": pytest.approx(100), "pointing": 100, "pointing_margin": 100}
    bad = compute_metrics(context(ClassifierContext(classifier), 1 - LEFT), names)
    assert (bad["pointing"], bad["pointing_margin"]) == (0, 100)  # its maximum is the pixel beside the box
    assert bad["pr_auc"] == pytest.approx(50)  # as every ranking by chance
    assert compute_metrics(context(ClassifierContext(classifier), LEFT, ()), names) == dict.fromkeys(names)
    assert compute_curves(context(ClassifierContext(classifier), LEFT, ()), ["iou_mean"]) == {
        "iou_mean": None
    }
    assert (
        compute_curves(context(ClassifierContext(classifier), LEFT), ["iou_value"])["iou_value"][1:]
        == [1.0] * 19
    )
    others = ((0, 0, 1, 1), (0, 0, HALF, SIDE))  # any true box will do
    assert (
        compute_curves(context(ClassifierContext(classifier), LEFT, others), ["iou_value"])["iou_value"][1:]
        == [1.0] * 19
    )


def test_faithfulness_insertion_and_deletion_of_an_even_climb() -> None:
    """Class 0 has the share of the left half's white pixels that are still white, from 1 to 99 %."""

    def probabilities(images: torch.Tensor) -> torch.Tensor:
        white = (images[:, 0, :, :HALF] > 0.999).double().mean((1, 2))
        return torch.stack([0.01 + 0.98 * 2 * white, 0.99 - 0.98 * 2 * white], dim=1)

    checkered = ((torch.arange(SIDE) + torch.arange(SIDE)[:, None]) % 2).expand(3, -1, -1).float()
    shared = ClassifierContext(
        SimpleNamespace(probabilities=probabilities, input=InputSpec.square(SIDE), mean=torch.zeros(3))
    )
    good, bad = (
        compute_metrics(
            MapContext(shared, Sample("a", checkered, 0, ()), scores),
            ["faithfulness", "insertion", "deletion"],
        )
        for scores in (LEFT, 1 - LEFT)
    )
    # 16 of the 32 steps climb, or fall, evenly; they come first, or after 16 that change nothing
    assert list(good.values()) == pytest.approx([100 * (8.5 + 16) / 32, 25 + 49.5, 25 + 0.5])
    assert list(bad.values()) == pytest.approx([100 * 8.5 / 32, 0.5 + 25, 49.5 + 25])


def test_the_half_that_matters_is_faithful_and_the_other_is_not(left_sided) -> None:
    names = ["blur", "interrogation"]
    good, bad = (compute_metrics(context(left_sided, scores), names) for scores in (LEFT, 1 - LEFT))
    assert good["blur"] < bad["blur"] - 20
    assert good["interrogation"] > 90
    assert bad["interrogation"] == pytest.approx(0, abs=1e-6)


def test_the_smallest_box_is_the_half_that_matters(left_sided) -> None:
    good, bad = (
        compute_metrics(context(left_sided, scores), ["box_80", "box_99"]) for scores in (LEFT, 1 - LEFT)
    )
    assert good == {"box_80": pytest.approx(50), "box_99": pytest.approx(50)}
    assert bad == {"box_80": pytest.approx(100), "box_99": pytest.approx(100)}


def test_the_distribution_of_masks(left_sided) -> None:
    names = ["right_tail", "between", "mean_score", "skewness", "right_skewed"]
    mask = np.repeat(np.array([0.1, 0.5, 0.9, 0.9], np.float32)[:, None], 4, axis=1)
    assert compute_metrics(context(left_sided, mask), names) == {
        "right_tail": 50,
        "between": 25,
        "mean_score": pytest.approx(60),
        "skewness": pytest.approx(-0.4934, abs=1e-3),
        "right_skewed": 0,
    }
    assert compute_metrics(context(left_sided, 1 - mask), ["right_skewed"]) == {"right_skewed": 100}
    for other in (1e-3 * LEFT, 2 * LEFT, LEFT - 0.5):
        assert compute_metrics(context(left_sided, other), names[:3]) == dict.fromkeys(names[:3])
    assert compute_metrics(context(left_sided, np.zeros((8, 8), np.float32)), names[3:]) == dict.fromkeys(
        names[3:]
    )


def test_supporting_pixels_are_those_of_the_curve(left_sided) -> None:
    scores = np.random.default_rng(0).random((SIDE, SIDE)).astype(np.float32)
    item = context(left_sided, scores)
    region = supporting_pixels(item.preserving_curve.numpy(), rank_pixels(scores), SIDE, SIDE)
    expected = 100 * discriminative_share(scores[region])
    assert compute_metrics(item, ["discriminative"]) == {"discriminative": pytest.approx(expected)}


def test_values_do_not_apply_where_blurring_changes_nothing() -> None:
    flat = ClassifierContext(
        SimpleNamespace(
            probabilities=lambda x: torch.full((len(x), CLASSES), 1 / CLASSES),
            input=InputSpec.square(SIDE),
            mean=torch.zeros(3),
        )
    )
    values = compute_metrics(context(flat, LEFT), ["faithfulness", "box_80", "noise"])
    assert values == dict.fromkeys(values)
    assert compute_curves(context(flat, LEFT), ["box_score", "left_blur"]) == {
        "box_score": None,
        "left_blur": None,
    }
