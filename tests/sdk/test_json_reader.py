import json

import pytest

from whyframe.json_reader import JsonError, parse_json, read_json


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting"),
        ("[" * 100_000, "deeper"),
        ("[" * 60 + "]" * 60, "deeper"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' occurs twice"),
        ("[NaN]", "NaN"),
        ("[-Infinity]", "-Infinity"),
        ("[1e999]", "too large"),
        ("[" + "1" * 30 + "]", "too large"),
        (r'["\ud800"]', "surrogate"),
        (b"\xff", "utf-8"),
        ("[" + "1," * 1000 + "1]", "larger than 1,000 bytes"),
    ],
)
def test_what_is_not_plain_json_is_refused_with_a_short_reason(text, reason):
    with pytest.raises(JsonError, match=reason) as caught:
        parse_json(text, 200_000 if "deeper" in reason else 1000)
    assert len(str(caught.value)) < 250


def test_plain_json_is_read():
    value = {
        "labels": ['[[[[ " \\ ' * 30, "😀"],
        "deep": [[[[[1.5, -2]]]]],
        "none": None,
        "many": [[1]] * 100,
    }
    assert parse_json(json.dumps(value)) == value
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]


def test_a_file_is_measured_before_it_is_read(tmp_path):
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="larger"):
        read_json(path)
    with pytest.raises(OSError, match="regular"):
        read_json("/dev/zero")
