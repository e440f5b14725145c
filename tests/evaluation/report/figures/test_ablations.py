from helpers.finished_evaluation import context, summary
from whyframe_evaluation.methods import GROUPS
from whyframe_evaluation.report.figures.ablations import CT, MGNET, ablation_grid, headline_values, section
from whyframe_evaluation.report.figures.area_weight import WITH, WITHOUT, plot_area_weight
from whyframe_evaluation.report.figures.area_weight import section as weight_section


def test_the_settings_are_methods() -> None:
    assert tuple(MGNET) == GROUPS["mgnet-regularisers"]
    assert tuple(CT) == GROUPS["ct-regularisers"]
    assert {*WITH.values(), *WITHOUT.values()} == set(GROUPS["lambda-av"])


def test_values_stand_under_each_column() -> None:
    report = context([summary("ct-1.5-2.5", faithfulness=71.23, pr_auc=80), summary("ct-all", pr_auc=81)])
    assert headline_values(report, "ct-1.5-2.5") == "MF 71.2, PR-AUC 80.0"
    grid = ablation_grid(report, CT)
    assert [(column.title, column.foot) for column in grid.columns] == [
        ("image", ""),
        ("all terms", "PR-AUC 81.0"),
        ("no term", "MF 71.2, PR-AUC 80.0"),
    ]
    assert ablation_grid(report, MGNET) is None


def test_each_grid_is_there_where_two_of_its_settings_are(tmp_path) -> None:
    lines = [summary("mgnet-av8"), summary("mgnet-no-av"), summary("ct-1.5-2.5")]
    found = section(context(lines, folder=tmp_path))
    assert "MGnet" in found.body
    assert "<h3>CT</h3>" not in found.body
    assert (tmp_path / "figures" / "ablation-mgnet.png").is_file()
    assert section(context([summary("mgnet-av8"), summary("ct-1.5-2.5")])) is None


def test_the_weight_is_drawn_with_its_intervals() -> None:
    by_weight = {
        2: summary("", faithfulness=70).estimates,
        8: summary("", faithfulness=60, right_tail=3).estimates,
    }
    figure = plot_area_weight({"with": by_weight})
    (faithful,), (_graded,), (high,) = (axes.containers for axes in figure.axes)
    assert faithful[0].get_xydata().tolist() == [[2, 70], [8, 60]]
    assert high[0].get_xydata().tolist() == [[8, 3]]
    (bars,) = faithful[2]
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [[69, 71], [59, 61]]


def test_a_curve_needs_two_weights() -> None:
    lines = [summary("mgnet-av8", faithfulness=1), summary("mgnet-no-bg", faithfulness=1)]
    assert weight_section(context(lines)) is None
    found = weight_section(context([*lines, summary("mgnet-av2", faithfulness=2)]))
    assert "with λbg" in found.body
    assert "λbg = 0" not in found.body
