from matplotlib.colors import to_hex

from helpers.finished_evaluation import context, summary
from whyframe_evaluation.report.figures.ranking import plot_ranking, section, verdict
from whyframe_evaluation.report.figures.style import COLOURS, SOFT

SUMMARIES = [
    summary("cam", faithfulness=60, pr_auc=70),
    summary("grad-cam", faithfulness=61.5),
    summary("my own", faithfulness=80, pr_auc=71),
    summary("nothing"),
]
TITLES = {item.method: item.method.upper() for item in SUMMARIES}


def test_the_best_is_on_top_and_what_was_not_measured_is_left_out() -> None:
    figure = plot_ranking(SUMMARIES, TITLES, ["faithfulness", "pr_auc"])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["CAM", "GRAD-CAM", "MY OWN"]
    assert figure.axes[0].get_title(loc="left") == "MF"


def test_dots_are_means_and_bars_intervals_blue_where_tied() -> None:
    figure = plot_ranking(SUMMARIES, TITLES, ["faithfulness", "pr_auc"])
    lines = figure.axes[1].get_lines()
    assert [list(line.get_xdata()) for line in lines] == [[69, 71], [70], [70, 72], [71]]
    assert {to_hex(line.get_color()) for line in lines} == {COLOURS[0]}
    first = {to_hex(line.get_color()) for line in figure.axes[0].get_lines()}
    assert first == {COLOURS[0], SOFT}


def test_the_lowest_is_on_top_where_less_is_better() -> None:
    lines = [summary("a", deletion=5), summary("b", deletion=2), summary("c", deletion=9)]
    figure = plot_ranking(lines, {name: name for name in "abc"}, ["deletion"])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["c", "a", "b"]


def test_the_verdict_names_the_leader_and_its_ties() -> None:
    report = context(SUMMARIES)
    assert verdict(report, "faithfulness") == "By MF, my own leads (80.0), ahead of all others."
    assert verdict(report, "pr_auc") == "By PR-AUC, my own leads (71.0); it is not distinguishable from CAM."
    assert verdict(report, "pointing") == ""
    assert verdict(context(SUMMARIES[:1]), "pr_auc") == "By PR-AUC, CAM leads (70.0)."


def test_an_evaluation_without_headline_measures_has_no_ranking() -> None:
    assert section(context([summary("a", skewness=1)])) is None
