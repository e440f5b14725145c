import numpy as np
import pytest
import torch

from helpers.finished_evaluation import context
from whyframe_evaluation.metrics.score_distribution import skewness
from whyframe_evaluation.report.figures.densities import PANELS, plot_densities
from whyframe_evaluation.report.figures.shapes import SHAPES, plot_shapes, transform
from whyframe_evaluation.report.figures.theory import section
from whyframe_training.predictor.controllers import ct_density


def test_the_panels_are_the_four_of_figure_7() -> None:
    assert all(h == 1 for _, h in PANELS[0][1])
    assert [{eta for eta, _ in settings} for _, settings in PANELS[1:]] == [{0.5}, {2.5}, {1.5}]


def test_eta_1_and_h_1_is_the_logit_normal_density() -> None:
    figure = plot_densities()
    (line,) = [line for line in figure.axes[0].get_lines() if line.get_label() == "η 1"]
    m = np.asarray(line.get_xdata())
    normal = np.exp(-(np.log(m / (1 - m)) ** 2) / 2) / np.sqrt(2 * np.pi)
    assert np.asarray(line.get_ydata()) == pytest.approx(normal / (m * (1 - m)))


def test_lines_are_equation_13_with_eta_and_h_in_their_places() -> None:
    (line,) = [line for line in plot_densities().axes[3].get_lines() if line.get_label() == "h 4"]
    score = torch.tensor(np.asarray(line.get_xdata()))
    assert np.asarray(line.get_ydata()) == pytest.approx(ct_density(score, 1.5, 4.0).numpy())


def test_the_choice_of_the_paper_is_the_heaviest_line() -> None:
    lines = plot_densities().axes[3].get_lines()
    assert max(lines, key=lambda line: line.get_linewidth()).get_label() == "h 2.5"


def test_ct_keeps_the_order_and_gives_normal_scores_their_preset_skewness(rng) -> None:
    logits = 3 + 7 * rng.normal(size=(200, 200))
    scores = transform(logits)
    assert (np.diff(scores.ravel()[logits.ravel().argsort()]) > 0).all()
    assert 0 < scores.min() < scores.max() < 1
    assert skewness(scores) == pytest.approx(0.851, abs=0.05)  # of CT under standard normal logits


def test_ct_makes_every_shape_right_skewed(rng) -> None:
    before = {name: draw(rng) for name, draw in SHAPES.items()}
    assert skewness(before["left-skewed"]) < -0.5
    for name, logits in before.items():
        assert skewness(transform(logits)) > max(skewness(logits), 0.2), name


def test_each_shape_is_drawn_before_and_after() -> None:
    for axes in plot_shapes().axes:
        areas = [patch.get_data().values.mean() for patch in axes.patches]
        assert areas == pytest.approx([1, 1])


def test_the_section_needs_no_method(tmp_path) -> None:
    assert section(context([], {}, tmp_path)).body.count("<svg") == 2
    assert len(list((tmp_path / "figures").iterdir())) == 2
