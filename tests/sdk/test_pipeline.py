import pytest

from whyframe.pipeline import timings_of


def test_each_stage_has_its_milliseconds():
    timings = timings_of([1.0, 1.001, 1.003, 1.007])
    assert list(timings) == ["preprocess", "inference", "refine", "total"]
    assert list(timings.values()) == pytest.approx([1, 2, 4, 7])


def test_the_time_of_a_batch_is_divided_among_its_frames():
    assert timings_of([0.0, 0.01, 0.02, 0.02], frames=5)["total"] == pytest.approx(4)
