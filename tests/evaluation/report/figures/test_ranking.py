from matplotlib.colors import to_hex

from helpers.finished_evaluation import line, material
from whyframe_evaluation.report.figures.ranking import ranking, section, verdict
from whyframe_evaluation.report.figures.style import COLOURS, SOFT

LINES = [
    line("cam", faithfulness=60, pr_auc=70),
    line("grad-cam", faithfulness=61.5),
    line("my own", faithfulness=80, pr_auc=71),
    line("nothing"),
]
TITLES = {one.method: one.method.upper() for one in LINES}


def test_the_best_is_on_top_and_what_was_not_measured_is_left_out() -> None:
    figure = ranking(LINES, TITLES, ["faithfulness", "pr_auc"])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["CAM", "GRAD-CAM", "MY OWN"]
    assert figure.axes[0].get_title(loc="left") == "MF"


def test_dots_are_means_and_bars_intervals_blue_where_tied() -> None:
    figure = ranking(LINES, TITLES, ["faithfulness", "pr_auc"])
    lines = figure.axes[1].get_lines()
    assert [list(one.get_xdata()) for one in lines] == [[69, 71], [70], [70, 72], [71]]
    assert {to_hex(one.get_color()) for one in lines} == {COLOURS[0]}
    first = {to_hex(one.get_color()) for one in figure.axes[0].get_lines()}
    assert first == {COLOURS[0], SOFT}


def test_the_lowest_is_on_top_where_less_is_better() -> None:
    lines = [line("a", deletion=5), line("b", deletion=2), line("c", deletion=9)]
    figure = ranking(lines, {name: name for name in "abc"}, ["deletion"])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["c", "a", "b"]


def test_the_verdict_names_the_leader_and_its_ties() -> None:
    study = material(LINES)
    assert verdict(study, "faithfulness") == "By MF, my own leads (80.0), ahead of all others."
    assert verdict(study, "pr_auc") == "By PR-AUC, my own leads (71.0), not told apart from CAM."
    assert verdict(study, "pointing") == ""
    assert verdict(material(LINES[:1]), "pr_auc") == "By PR-AUC, CAM leads (70.0)."


def test_a_study_without_headline_measures_has_no_ranking() -> None:
    assert section(material([line("a", skewness=1)])) is None
