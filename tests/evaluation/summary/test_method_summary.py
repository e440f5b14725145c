from types import SimpleNamespace

import torch

from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.run.samples import Sample
from whyframe_evaluation.summary.method_summary import format_estimate, summarise

SAMPLES = [Sample(str(index), torch.zeros(3, 2, 2), 0, ()) for index in range(4)]


def method(name: str, mask: bool = False) -> SimpleNamespace:
    return SimpleNamespace(name=name, title=name.upper(), mask=mask)


def test_a_summary_has_means_with_intervals_counts_and_costs() -> None:
    results = [
        MapResult("m", str(index), 0, {"deletion": value}, 1, 0, 0.5)
        for index, value in enumerate((10.0, 20.0, None))
    ]
    results.append(MapResult("m", "3", 0, error="no"))
    (summary,) = summarise(results, [method("m")], SAMPLES)
    value = summary.estimates["deletion"]
    assert (summary.method, summary.title, summary.failures) == ("m", "M", 1)
    assert (value.mean, value.count) == (15.0, 2)
    assert 10 <= value.low <= 15 <= value.high <= 20
    assert (summary.forward, summary.backward, summary.passes, summary.seconds) == (1, 0, 1, 0.5)
    assert format_estimate(value) == "15.00 (10.00 to 20.00, n = 2)"
    assert format_estimate(None) == "-"


def test_metrics_of_masks_are_given_only_for_methods_whose_maps_are_masks() -> None:
    values = {"mean_score": 20.0, "skewness": 1.0}
    results = [MapResult(name, "0", 0, values) for name in ("mask", "gradient")]
    mask, gradient = summarise(results, [method("mask", mask=True), method("gradient")], SAMPLES[:1])
    assert set(mask.estimates) - set(gradient.estimates) == {"mean_score"}
    assert "skewness" in gradient.estimates


def test_pointing_is_averaged_over_categories_and_difficult_images_have_a_column() -> None:
    image, boxes = torch.zeros(3, 2, 2), ((0, 0, 1, 1),)
    samples = [
        Sample("0", image, 0, boxes, "cat"),
        Sample("1", image, 0, boxes, "cat", True),
        Sample("2", image, 0, boxes, "dog"),
    ]
    results = [MapResult("m", str(i), 0, {"pointing": hit}) for i, hit in enumerate((100.0, 0.0, 100.0))]
    (summary,) = summarise(results, [method("m")], samples)
    assert summary.estimates["pointing"].mean == 75
    assert summary.estimates["pointing_difficult"].mean == 0
