from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg

from helpers.finished_evaluation import context, summary
from whyframe_evaluation.report.figures.faithfulness_cost import plot_cost, section

SUMMARIES = [summary(f"method {index}", 0.01, faithfulness=50 + index / 10) for index in range(5)]
SUMMARIES += [summary(f"far {y}", 9, faithfulness=y) for y in (0, 100)]


def test_every_method_is_named_once_and_names_do_not_cover_each_other() -> None:
    figure = plot_cost(SUMMARIES, {item.method: item.method for item in SUMMARIES})
    names = figure.axes[0].texts
    assert sorted(name.get_text() for name in names) == sorted(item.method for item in SUMMARIES)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    boxes = [name.get_window_extent(renderer) for name in names]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_points_are_at_seconds_and_faithfulness_on_a_log_axis() -> None:
    lines = [
        summary("a", 0.02, faithfulness=70),
        summary("b", 30, 900, faithfulness=40),
        summary("c", 0.0, faithfulness=1),
    ]
    axes = plot_cost(lines, {name: name for name in "abc"}).axes[0]
    dots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.get_lines()[1:6:2]]
    assert axes.get_xscale() == "log"
    assert dots == [(0.02, 70), (30, 40), (1e-4, 1)]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["up to 2 passes", "more"]


def test_the_introduction_says_what_the_fastest_and_the_slowest_take() -> None:
    found = section(
        context([summary("cam", 0.02, 1, faithfulness=70), summary("slow", 30, 1900, faithfulness=40)])
    )
    assert (
        "CAM takes 0.02 s and 1 pass per image, slow 30 s and 1,900 passes per image." in found.introduction
    )


def test_one_method_has_no_trade_off() -> None:
    assert section(context([summary("cam", faithfulness=70), summary("b")])) is None
