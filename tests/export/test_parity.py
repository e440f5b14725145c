import numpy as np
import pytest

from whyframe_export.parity import Comparison, ParityError, ParityReport, check_parity


def comparison(**changes: object) -> Comparison:
    return Comparison(**{  # type: ignore[arg-type]
        "file": "a.jpg", "target": "predicted", "probability": 1e-6, "saliency": 1e-6,
        "rank_correlation": 1.0, "same_class": True, **changes,
    })  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{"probability": 2e-4}, {"saliency": 2e-4}, {"rank_correlation": 0.99}, {"same_class": False}],
)
def test_a_single_difference_that_is_too_large_fails_the_report(changes: dict) -> None:
    worst = comparison(file="bad.jpg", **changes)
    report = ParityReport((comparison(), worst, comparison()), 0.0)
    assert not report.passes()
    assert ParityReport((comparison(),), 0.0).passes()
    if "probability" in changes or "saliency" in changes:
        assert report.to_dict()["worst"]["file"] == "bad.jpg"


def test_probabilities_other_than_the_networks_own_fail_the_report() -> None:
    report = ParityReport((comparison(),), 2e-4)
    assert not report.passes()
    assert report.to_dict()["largest_difference_from_own_probabilities"] == 2e-4


@pytest.mark.parametrize(("rounding", "passes"), [(0.0, False), (4e-6, False), (1e-5, True), (1.0, True)])
def test_a_difference_within_the_rounding_of_the_network_itself_passes(rounding: float, passes: bool) -> None:
    report = ParityReport((comparison(),), 2.5e-5, rounding)
    assert report.passes() is passes
    assert not ParityReport((comparison(),), 2e-4, rounding).passes()


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ParityError, match="needs 50 images, got 3"):
        check_parity(b"", None, None, np.zeros((3, 8, 8, 3), np.uint8), ["a"] * 3)  # type: ignore[arg-type]
