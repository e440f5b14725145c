"""Labels files as people have them, and the one line for those that are not understood."""

import json
from pathlib import Path

import pytest

from whyframe_training.classifiers.errors import ClassifierError
from whyframe_training.classifiers.labels import read_labels

ANIMALS = ("tabby cat", "dog", "great white shark, man-eater")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", "tabby cat\ndog\ngreat white shark, man-eater"),
        ("labels.txt", "\r\n  tabby cat \r\ndog\r\ngreat white shark, man-eater\r\n\r\n"),
        ("labels", "0 tabby cat\n1 dog\n2 great white shark, man-eater\n"),
        ("labels.txt", "2: great white shark, man-eater\n0: tabby cat\n1: dog\n"),
        ("labels.txt", "1 tabby cat\n2 dog\n3 great white shark, man-eater\n"),
        (
            "synsets.txt",
            "n02123045 tabby cat\nn02084071 dog\nn01484850 great white shark, man-eater\n",
        ),
        ("labels.json", json.dumps(ANIMALS)),
        ("labels.txt", json.dumps(ANIMALS)),
        ("labels.json", json.dumps({str(i): name for i, name in reversed(list(enumerate(ANIMALS)))})),
        ("labels.json", json.dumps({name: i for i, name in enumerate(ANIMALS)})),
        ("index.json", json.dumps({i: [f"n0{i}", name] for i, name in enumerate(ANIMALS)})),
        ("config.json", json.dumps({"id2label": dict(enumerate(ANIMALS)), "model_type": "vit"})),
        ("coco.json", json.dumps([{"id": i, "name": name} for i, name in enumerate(ANIMALS)])),
        ("clsidx.txt", "{0: 'tabby cat',\n 1: 'dog',\n 2: 'great white shark, man-eater'}\n"),
        ("labels.csv", 'tabby cat\ndog\n"great white shark, man-eater"\n'),
        ("labels.csv", 'label\ntabby cat\ndog\n"great white shark, man-eater"\n'),
        ("labels.csv", 'id,name\n0,tabby cat\n1,dog\n2,"great white shark, man-eater"\n'),
        ("labels.csv", 'name;id\ndog;1\ntabby cat;0\n"great white shark, man-eater";2\n'),
        ("labels.tsv", "0\ttabby cat\n1\tdog\n2\tgreat white shark, man-eater\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_form_gives_the_labels_in_class_order(
    name: str, content: str, encoding: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content.encode(encoding))
    assert read_labels(tmp_path / name) == ANIMALS


@pytest.mark.parametrize(
    "labels",
    [("20 euro", "50 euro", "100 euro"), ("3D printer", "2 cats"), ("crane", "crane"), ("naïve", "Äpfel")],
)
def test_lines_that_look_like_something_else_are_labels(labels: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(labels), encoding="utf-8")
    assert read_labels(tmp_path / "labels.txt") == labels


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "is empty"),
        ("a.txt", b"\xef\xbb\xbf\r\n \n", "is empty"),
        ("a.txt", b"cat\ncaf\xe9\n", r"is not UTF-8 text \(line 2\).*iconv"),
        ("a.txt", b"\x80\x02}q\x00(X\x05", "is not text"),
        ("a.txt", b"cat\n\ndog\n", "line 2 of .* is empty"),
        ("a.txt", b"\n\ncat\n\ndog\n", "line 4 of .* is empty"),
        ("a.txt", b"0 cat\n1 dog\n1 bird\n", "names class 1 twice"),
        ("a.txt", b"0 cat\n2 dog\n", "has no name for class 1: number"),
        ("a.json", b"{'cat', 'dog'}", "holds neither a list"),
        ("a.json", b'{"0": "cat",', "is not valid JSON"),
        ("a.json", b'["cat", 3]', "holds neither a list"),
        ("a.json", b"[]", "holds neither a list"),
        ("a.json", b"{}", "has an id that is not a whole number"),
        ("a.json", b"3", "holds neither a list"),
        ("a.json", b'{"a": "b"}', "maps neither ids to names nor names to ids"),
        ("a.json", b'{"cat": 0, "dog": 0}', "names class 0 twice"),
        ("a.json", b'{"0": "", "1": "dog"}', "has no name for class 0"),
        ("a.csv", b"great white shark, man-eater\ncat\n", "rows of 1 and 2 columns"),
        ("a.csv", b"a,b\nc,d\n", "neither column of"),
    ],
)
def test_a_file_that_is_not_understood_is_refused_in_one_line(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ClassifierError, match=message) as caught:
        read_labels(tmp_path / name)
    assert "\n" not in str(caught.value)
