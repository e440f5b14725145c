import json
from pathlib import Path

import pytest

from whyframe.errors import WhyframeError
from whyframe_export.thresholds import label_thresholds, parse_thresholds

LABELS = ("cat", "dog", "person")


def thresholds(text: str, *, exclusive: bool = False) -> tuple[float, ...]:
    return label_thresholds(parse_thresholds(text), LABELS, exclusive=exclusive)


def test_a_threshold_is_a_number_a_list_or_numbers_by_label(tmp_path: Path) -> None:
    assert thresholds("0.3") == (0.3,)
    assert thresholds("0.1, 0.2,0.3") == (0.1, 0.2, 0.3)
    assert thresholds('{"dog": 0.9}') == (0.5, 0.9, 0.5)
    file = tmp_path / "t.json"
    file.write_text(json.dumps({"person": 1, "cat": 0}))
    assert thresholds(str(file)) == (0.0, 0.5, 1.0)
    assert label_thresholds(None, LABELS, exclusive=True) == (0.5,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("half", "--threshold takes a number, numbers separated by commas, or JSON"),
        ("{cat: 0.5}", "--threshold takes a number"),
        ("missing.json", "--threshold takes a number"),
        ("0.1,0.2", "gives 2 numbers for 3 labels: give one number, or one for each label"),
        ('{"bird": 0.2}', "names 'bird', which are no labels of the classifier"),
        ("1.5", "gives 1.5: give numbers from 0 to 1"),
        ('{"cat": "high"}', "gives 'high': give numbers from 0 to 1"),
        ("nan", "gives nan: give numbers from 0 to 1"),
    ],
)
def test_other_thresholds_are_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(WhyframeError, match=message) as caught:
        thresholds(text)
    assert "\n" not in str(caught.value)


def test_classes_that_exclude_each_other_have_no_thresholds() -> None:
    with pytest.raises(WhyframeError, match="the classes of this one exclude each other: leave it out"):
        thresholds("0.5", exclusive=True)
