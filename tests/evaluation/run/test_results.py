import pytest

from whyframe_evaluation.run.results import EvaluationError, MapResult, ResultFile


def test_another_evaluation_is_not_mixed_in(tmp_path) -> None:
    ResultFile(tmp_path / "values.jsonl", {"classifier": "a"}).add(MapResult("m", "f", 0))
    with pytest.raises(EvaluationError, match="another evaluation"):
        ResultFile(tmp_path / "values.jsonl", {"classifier": "b"})
    assert ResultFile(tmp_path / "values.jsonl", {"classifier": "a"}).get("m", "f") == MapResult("m", "f", 0)
    assert ResultFile(tmp_path / "values.jsonl", {"classifier": "a"}).get("m", "g") is None


def test_values_are_added_and_a_new_trial_drops_them(tmp_path) -> None:
    file = ResultFile(tmp_path / "values.jsonl", {})
    result = MapResult("m", "f", 0)
    file.add(result)
    file.add_values(result, {"a": 1.0}, {})
    file.add_values(result, {"b": None}, {"c": [1.0, 2.0]})
    for reopened in (file, ResultFile(tmp_path / "values.jsonl", {})):
        assert reopened.get("m", "f").values == {"a": 1.0, "b": None}
        assert reopened.get("m", "f").curves == {"c": [1.0, 2.0]}
    file.add(MapResult("m", "f", 1))
    for reopened in (file, ResultFile(tmp_path / "values.jsonl", {})):
        assert reopened.results == [MapResult("m", "f", 1)]


@pytest.mark.parametrize(
    "text", ["not JSON\n", '{"settings": {}}\n{"method": "m", "file": "f", "values": {}}\n']
)
def test_a_damaged_file_is_an_error(tmp_path, text) -> None:
    path = tmp_path / "values.jsonl"
    path.write_text(text)
    with pytest.raises(EvaluationError, match="damaged"):
        ResultFile(path, {})
