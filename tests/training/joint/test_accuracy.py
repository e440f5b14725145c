from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from whyframe.input_spec import InputSpec
from whyframe_training.joint.accuracy import Accuracy, measure_accuracy
from whyframe_training.joint.labelled import read_labelled


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_scipys(counts: tuple[int, int]) -> None:
    right, count = counts
    ours = Accuracy(right, count)
    theirs = binomtest(right, count).proportion_ci(method="wilson")
    assert ours.interval() == pytest.approx((100 * theirs.low, 100 * theirs.high), abs=1e-4)
    low, high = ours.interval()
    assert 0 <= low <= ours.percent + 1e-9
    assert ours.percent - 1e-9 <= high <= 100


def brightest(x: torch.Tensor) -> torch.Tensor:
    """Return logits by the mean of each channel: they predict blue, green or red, and never the other two classes."""
    means = x.mean(dim=(2, 3))
    never = torch.full_like(means[:, :1], -1.0)
    return torch.cat([means[:, 2:], means[:, 1:2], never, means[:, :1], never], dim=1)


def test_accuracy_counts_the_images_whose_class_is_predicted(data: Path) -> None:
    """The classifier predicts blue, green and red correctly, and never predicts grey and white."""
    classifier = SimpleNamespace(logits=brightest, input=InputSpec.square(32))
    labelled = read_labelled(data)
    assert measure_accuracy(classifier, labelled, torch.device("cpu")) == Accuracy(18, 30)
    assert measure_accuracy(classifier, labelled, torch.device("cpu")).to_dict()["percent"] == 60
