import numpy as np
import pytest

from benchmarks import distribution


def test_a_mask_is_described_by_its_scores() -> None:
    mask = np.repeat(np.array([0.1, 0.1, 0.5, 0.9], np.float32)[:, None], 4, axis=1)
    found = distribution.describe(mask)
    assert found == {
        "mean": pytest.approx(0.4),
        "skewness": pytest.approx(0.4934, abs=1e-3),
        "between": 0.25,
        "above": 0.25,
    }


def test_the_page_has_the_expected_values_of_ct() -> None:
    right_skewed = {"mean": 0.25, "skewness": 1.0, "between": 0.5, "above": 0.125}
    left_skewed = right_skewed | {"skewness": -1.0}
    text = distribution.table({"ct": [right_skewed, left_skewed], "mgnet": [left_skewed]}, 2)
    assert "| ct | 0.250 | 0.273 | 50.0% | 50.0% | 41.6% | 12.5% |" in text
    assert "| mgnet | 0.250 |  | 0.0% | 50.0% |  | 12.5% |" in text
