import numpy as np
import pytest
import torch

from helpers.finished_evaluation import context, samples, summary
from whyframe_evaluation.methods import GROUPS
from whyframe_evaluation.metrics.score_distribution import FIGURE_6
from whyframe_evaluation.report.figures.controller_shapes import (
    SETTINGS,
    histogram,
    plot_controllers,
    section,
)
from whyframe_training.predictor.controllers import ct_density


def test_the_settings_are_those_of_figure_6_and_are_methods() -> None:
    assert {preset for _, preset in SETTINGS.values() if preset} == set(FIGURE_6)
    assert SETTINGS["ct"][1] == (1.5, 2.5)
    assert set(SETTINGS) == {*GROUPS["controllers"], "ct"}


def test_a_histogram_is_a_density_in_which_every_map_has_the_same_weight(rng) -> None:
    large, small = rng.uniform(0, 0.5, (50, 50)), rng.uniform(0.5, 1, (5, 5))
    density = histogram([large, small])
    assert density.mean() == pytest.approx(1)
    assert density[:20].sum() == pytest.approx(density[20:].sum())


def test_scores_beyond_the_range_count_at_its_ends() -> None:
    density = histogram([np.array([[-1.0, 2.0]])])
    assert density[[0, -1]] == pytest.approx(20)


def test_the_line_is_equation_13_and_only_ct_has_one() -> None:
    figure = plot_controllers(["ct-1.5-0.5", "mgnet"], [np.ones(40), np.ones(40)])
    (drawn,), none = (axes.get_lines() for axes in figure.axes)
    score = torch.tensor(np.asarray(drawn.get_xdata()))
    assert torch.tensor(np.asarray(drawn.get_ydata())).allclose(ct_density(score, 1.5, 0.5).clamp(max=4))
    assert len(none) == 0


def test_a_section_needs_two_settings(tmp_path) -> None:
    assert section(context([summary("ct"), summary("cam")])) is None
    assert section(context([summary("ct"), summary("bt")], shown=0)) is None
    found = section(context([summary("ct"), summary("bt"), summary("cam")], folder=tmp_path))
    assert found.body.count("<img") == len(samples()) * 3
    assert found.body.count("<svg") == 2
    assert {file.name for file in (tmp_path / "figures").iterdir()} == {
        "controllers-plot.png",
        "controllers.png",
    }
