import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from whyframe_export.rank_correlation import rank_correlation


@given(hnp.arrays(np.float64, (2, 20), elements=st.sampled_from([0.0, 0.1, 0.5, 0.7, 2.0])))
def test_it_equals_scipys_spearman_correlation(maps: np.ndarray) -> None:
    a, b = maps
    if np.ptp(a) and np.ptp(b):
        assert rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)


def test_constant_maps_agree_only_when_they_are_equal() -> None:
    assert rank_correlation(np.full(4, 0.5), np.full(4, 0.5)) == 1
    assert rank_correlation(np.full(4, 0.5), np.full(4, 0.6)) == 0
