import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from whyframe_export.parity import Comparison, ParityError, ParityReport, check_parity, rank_correlation


@given(hnp.arrays(np.float64, (2, 20), elements=st.sampled_from([0.0, 0.1, 0.5, 0.7, 2.0])))
def test_rank_correlation_is_scipys(maps: np.ndarray) -> None:
    a, b = maps
    if np.ptp(a) and np.ptp(b):
        assert rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)


def test_constant_maps_agree_only_when_alike() -> None:
    assert rank_correlation(np.full(4, 0.5), np.full(4, 0.5)) == 1
    assert rank_correlation(np.full(4, 0.5), np.full(4, 0.6)) == 0


def comparison(**changes: object) -> Comparison:
    return Comparison(**{  # type: ignore[arg-type]
        "file": "a.jpg", "target": "predicted", "probability": 1e-6, "saliency": 1e-6,
        "rank_correlation": 1.0, "same_class": True, **changes,
    })  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{"probability": 2e-4}, {"saliency": 2e-4}, {"rank_correlation": 0.99}, {"same_class": False}],
)
def test_one_difference_too_large_fails_the_report_and_is_named(changes: dict) -> None:
    worst = comparison(file="bad.jpg", **changes)
    report = ParityReport((comparison(), worst, comparison()))
    assert not report.passes()
    assert ParityReport((comparison(),)).passes()
    if "probability" in changes or "saliency" in changes:
        assert report.to_dict()["worst"]["file"] == "bad.jpg"


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ParityError, match="needs 50 images, got 3"):
        check_parity(b"", None, None, np.zeros((3, 8, 8, 3), np.uint8), ["a"] * 3)  # type: ignore[arg-type]
