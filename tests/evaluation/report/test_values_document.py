import json
from dataclasses import replace

from helpers.finished_evaluation import FACTS, finished, summary
from whyframe_evaluation.report.values_document import values_document
from whyframe_evaluation.run.results import MapResult
from whyframe_evaluation.summary.method_summary import COLUMNS
from whyframe_evaluation.summary.part_summary import PartSummary


def test_the_document_is_json_whatever_is_missing() -> None:
    results = [MapResult("m", "0", 0, {"deletion": None}), MapResult("n", "0", 0, error="no")]
    document = json.loads(values_document(finished([summary("m"), summary("n")], {}, map_results=results)))
    assert [entry["cells"] for entry in document["summary"]] == [{}, {}]
    assert list(document["columns"]) == list(COLUMNS)
    assert set(document["columns"]["deletion"]) == {"title", "description", "group", "higher_is_better"}
    assert [row["error"] for row in document["rows"]] == ["", "no"]


def test_values_are_rounded_and_curves_left_out() -> None:
    results = [MapResult("m", "0", 0, {"deletion": 1.23456789}, curves={"deletion": [1.0]})]
    text = values_document(finished([summary("m", deletion=5)], {}, map_results=results))
    document = json.loads(text)
    assert document["rows"][0]["values"] == {"deletion": 1.2346}
    assert "curves" not in document["rows"][0]
    assert document["summary"][0]["cells"]["deletion"] == {
        "mean": 5, "low": 4, "high": 6, "count": 10, "note": "",
    }  # fmt: skip
    assert '"pictures": [\n{"file": "photos/a.png"' in text  # an entry per line


def test_facts_and_parts_are_there_only_where_they_apply() -> None:
    plain = json.loads(values_document(finished([], {})))
    assert plain["facts"] == {
        "classifier": "tiny", "data": "photos", "pictures": 2, "with boxes": 1, "budget": "quick", "whyframe": "0.1.0",
    }  # fmt: skip
    assert plain["experiments"] == {}
    parts = [PartSummary("cam", "dog", 0.5, 0.25, 2.0, 12)]
    more = json.loads(
        values_document(finished([], {}, facts=replace(FACTS, left_out=3), part_summaries=parts))
    )
    assert more["facts"]["left out, without a box of the predicted class"] == 3
    assert more["experiments"]["parts"][0]["ratio"] == 2.0
