import csv
import json
from itertools import combinations
from pathlib import Path

import pytest

from benchmarks import joint
from whyframe_training.joint.joint_summary import summarise

FACTS = {
    "data": "photos", "train": {"bird": 7, "dog": 5}, "held_out": {"bird": 1, "dog": 1}, "batch": 4, "crops": 1200,
    "seed": 9, "command": "python benchmarks/joint.py photos",
}  # fmt: skip


def curve(blurred: float, clean: float) -> dict[str, list[float]]:
    return {
        "own": [blurred] + [clean] * 32,
        "other": [blurred] * 17 + [clean] * 16,
        "cam": [blurred] * 32 + [clean],
    }


RECORDS = [
    {
        "file": f"{i}.jpg",
        "class": 1,
        "joint": {"logits": [0.0, 2.0], "curves": curve(0.1, 0.9)},
        "alone": {"logits": [2.0 * i, 1.0], "curves": curve(0.2, 0.8)},
    }
    for i in range(2)
]


def test_a_class_is_in_one_superclass_at_most() -> None:
    for ids, other_ids in combinations(joint.SUPERCLASSES.values(), 2):
        assert not ids & other_ids
    assert all(0 <= class_id < 1000 for ids in joint.SUPERCLASSES.values() for class_id in ids)


@pytest.mark.parametrize(
    ("class_id", "name"),
    [
        (7, "bird"), (207, "dog"), (281, "other mammal"), (269, "other mammal"), (963, "food"), (817, "vehicle"),
        (497, "building"), (310, "insect or spider"), (30, "reptile or amphibian"), (999, None), (923, None),
    ],
)  # fmt: skip
def test_an_imagenet_class_has_its_superclass(class_id: int, name: str | None) -> None:
    assert joint.superclass(class_id) == name


def test_photographs_without_a_superclass_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,class_id,source\na.jpg,207,x\nb.jpg,999,x\nc.jpg,963,x\n")
    path = joint.write_classes(tmp_path, tmp_path / "classes.csv")
    with path.open(newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"file": "a.jpg", "class": "dog"},
            {"file": "c.jpg", "class": "food"},
        ]


def test_the_page_states_data_counts_seed_and_both_pairs() -> None:
    text = joint.table({"facts": FACTS, **summarise(RECORDS, joint.PAIRS)})
    assert "12 photographs for training, 2 held out" in text
    assert "1,200 crops in batches of 4, with seed 9" in text
    assert "| accuracy, % | 100.0 (34.2 to 100.0) | 50.0 (9.5 to 90.5) | +50.0 (+0.0 to +100.0) |" in text
    assert "| MF, own predictor | 100.0 | 100.0 | +0.0 (+0.0 to +0.0) |" in text
    assert "| joint | 100.0 | +96.88 (+96.88 to +96.88) | +50.00 (+50.00 to +50.00) |" in text
    assert "on the 2 photographs with" in text
    assert "on 1 of them both predict the same class" in text
    assert "| held out | 1 | 1 |" in text


def test_the_file_is_json_with_every_record(tmp_path: Path) -> None:
    assert json.loads(joint.as_json({"facts": FACTS}, RECORDS)) == {"facts": FACTS, "records": RECORDS}
