from helpers.finished_evaluation import finished, summary
from whyframe_evaluation.report.markdown import markdown_report, method_tables, part_table
from whyframe_evaluation.summary.part_summary import PartSummary

EXPERIMENTS = {
    "methods": {
        "cam": {"count": 22, "recovered": 4.5454, "recovered_top5": 50.0, "discrimination": None},
        "broken": {"error": "division by zero"},
    },
    "rotation": {"5": 12.34, "90": 50.0},
}
PARTS = [PartSummary("cam", "dog", 0.5, 0.25, 2.0, 12), PartSummary("bt", "dog", 0.5, 0.0, None, 10)]


def test_groups_without_values_have_no_table() -> None:
    text = method_tables([summary("cam", 0.5, 3, deletion=15), summary("rise")])
    assert (
        "| method | deletion |\n| --- | --- |\n| cam | 15.00 (14.00 to 16.00, n = 10) |\n| rise | - |" in text
    )
    assert "## Boxes" not in text
    assert "| cam | 3 | 0 | 0.50 | 0 |" in text


def test_experiments_have_tables_and_failures_their_reason() -> None:
    text = markdown_report(finished([summary("cam")], experiments=EXPERIMENTS))
    assert "| cam | 4.5 | 50.0 | - | 22 |" in text
    assert "| broken | failed: division by zero |" in text
    assert "| 5 | 12.3 |\n| 90 | 50.0 |" in text
    assert "Intensity at parts" not in text


def test_parts_have_a_table_only_with_keypoints() -> None:
    text = markdown_report(finished([summary("cam")], experiments=EXPERIMENTS, part_summaries=PARTS))
    assert "| cam | dog | 0.500 | 0.250 | 2.00 | 12 |" in text
    assert "| bt | dog | 0.500 | 0.000 | - | 10 |" in text
    assert "whatever its predicted class" in text
    assert "No method has maps of 10 images" in part_table([])
