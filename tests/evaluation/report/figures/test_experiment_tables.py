from helpers.finished_evaluation import context, summary
from whyframe_evaluation.report.figures.experiment_tables import section
from whyframe_evaluation.summary.part_summary import PartSummary

ATTACKED = {
    "cam": {"count": 22, "recovered": 4.5454, "recovered_top5": 50.0, "discrimination": None},
    "<b>": {"error": "it broke"},
    "none": {"count": 0},
}
PART = PartSummary("cam", "tiger", 0.75, 0.25, 3.0, 12)


def test_each_experiment_has_a_table() -> None:
    found = {"methods": ATTACKED, "rotation": {"5": 12.34, "90": 50.0}}
    body = section(context([summary("cam")], experiments=found, part_summaries=[PART])).body
    assert "<tr><td>CAM</td><td>4.5</td><td>50.0</td><td>–</td><td>22</td></tr>" in body
    assert "none" not in body
    assert "<b>" not in body
    assert '<th scope="col">90°</th>' in body
    assert "<td>12.3</td><td>50.0</td>" in body
    assert "<td>tiger</td><td>0.750</td><td>0.250</td><td>3.00</td><td>12</td>" in body


def test_experiments_that_were_not_run_are_left_out() -> None:
    assert section(context([summary("cam")])) is None
    only = section(context([summary("cam")], experiments={"rotation": {"5": 1.0}, "methods": {}})).body
    assert "Rotations" in only
    assert "Adversarial" not in only
    assert "parts" not in only
