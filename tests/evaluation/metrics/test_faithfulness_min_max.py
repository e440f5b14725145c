import math

import numpy as np
import pytest

from whyframe_evaluation.metrics.faithfulness_min_max import min_max_over_methods


def test_the_best_method_of_an_image_has_100_and_the_worst_has_0() -> None:
    values = {
        "ours": [80.0, 1.0, math.nan, 5.0],
        "theirs": [60.0, 3.0, 2.0, 5.0],
        "mean": [70.0, 2.0, 1.0, 5.0],
    }
    scaled = min_max_over_methods(values)
    np.testing.assert_array_equal(scaled["ours"], [100, 0, np.nan, np.nan])
    np.testing.assert_array_equal(scaled["theirs"], [0, 100, np.nan, np.nan])
    np.testing.assert_array_equal(scaled["mean"], [50, 50, np.nan, np.nan])


def test_an_outlier_has_no_more_weight_than_another_image() -> None:
    scaled = min_max_over_methods({"a": [1.0, 1.0, -1e6], "b": [0.0, 0.0, 1e6]})
    assert np.nanmean(scaled["a"]) == pytest.approx(200 / 3)
