import pytest

from whyframe_evaluation.annotations.imagenet_classes import IMAGENET_CLASSES, VOC_NAMES, classes_of


def test_the_table_gives_classes_whose_names_fit_the_category() -> None:
    meta = pytest.importorskip("torchvision.models._meta")
    names = meta._IMAGENET_CATEGORIES
    for category, word in {
        "zebra": "zebra",
        "pizza": "pizza",
        "umbrella": "umbrella",
        "banana": "banana",
    }.items():
        assert [names[i] for i in IMAGENET_CLASSES[category]] == [word]
    assert {names[i] for i in IMAGENET_CLASSES["cat"]} >= {"tabby", "Egyptian cat"}
    assert names[min(IMAGENET_CLASSES["dog"])] == "Chihuahua"
    assert names[max(IMAGENET_CLASSES["dog"])] == "Mexican hairless"


def test_an_imagenet_classifier_uses_the_table_and_then_the_labels() -> None:
    meta = pytest.importorskip("torchvision.models._meta")
    names = meta._IMAGENET_CATEGORIES
    assert classes_of("zebra", names) == {340}
    assert classes_of("Dog", names) == IMAGENET_CLASSES["dog"]
    assert classes_of("aeroplane", names) == IMAGENET_CLASSES["airplane"]
    assert classes_of("Goldfish", names) == {names.index("goldfish")}  # not in the table: by its label
    assert classes_of("person", names) == frozenset()
    assert set(VOC_NAMES.values()) <= set(IMAGENET_CLASSES)


def test_another_classifier_uses_its_labels_and_their_synonyms() -> None:
    labels = ["cat", "Zebra, Equus", "dog ", "zebra"]
    assert classes_of("zebra", labels) == {1, 3}
    assert classes_of(" DOG", labels) == {2}
    assert classes_of("equus", labels) == {1}
    assert classes_of("horse", labels) == frozenset()
