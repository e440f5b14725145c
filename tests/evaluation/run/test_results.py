import pytest

from whyframe_evaluation.run.results import EvaluationError, MapResult, ResultFile


def test_another_study_is_not_mixed_in(tmp_path) -> None:
    ResultFile(tmp_path / "values.jsonl", {"classifier": "a"}).add(MapResult("m", "f", 0))
    with pytest.raises(EvaluationError, match="another study"):
        ResultFile(tmp_path / "values.jsonl", {"classifier": "b"})
    assert ResultFile(tmp_path / "values.jsonl", {"classifier": "a"}).get("m", "f") == MapResult("m", "f", 0)
    assert ResultFile(tmp_path / "values.jsonl", {"classifier": "a"}).get("m", "g") is None


def test_values_are_added_and_a_new_trial_drops_them(tmp_path) -> None:
    store = ResultFile(tmp_path / "values.jsonl", {})
    row = MapResult("m", "f", 0)
    store.add(row)
    store.add_values(row, {"a": 1.0}, {})
    store.add_values(row, {"b": None}, {"c": [1.0, 2.0]})
    for one in (store, ResultFile(tmp_path / "values.jsonl", {})):
        assert one.get("m", "f").values == {"a": 1.0, "b": None}
        assert one.get("m", "f").curves == {"c": [1.0, 2.0]}
    store.add(MapResult("m", "f", 1))
    for one in (store, ResultFile(tmp_path / "values.jsonl", {})):
        assert one.rows == [MapResult("m", "f", 1)]


@pytest.mark.parametrize(
    "text", ["not JSON\n", '{"settings": {}}\n{"method": "m", "file": "f", "values": {}}\n']
)
def test_a_damaged_store_says_so(tmp_path, text) -> None:
    path = tmp_path / "values.jsonl"
    path.write_text(text)
    with pytest.raises(EvaluationError, match="damaged"):
        ResultFile(path, {})
