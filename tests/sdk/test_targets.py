import numpy as np
import pytest

from whyframe.errors import TargetError
from whyframe.targets import find_class

LABELS = ("tabby, tabby cat", "Egyptian cat", "espresso", "Espresso", "crane", "crane", "7")


@pytest.mark.parametrize(
    ("target", "class_id"),
    [
        (0, 0),
        (np.int64(6), 6),
        ("espresso", 2),
        ("Espresso", 3),
        ("EGYPTIAN CAT", 1),
        (" Tabby Cat ", 0),
        ("tabby", 0),
        ("tabby, tabby cat", 0),
        ("7", 6),
        ("1", 1),
    ],
)
def test_a_class_is_found_by_id_or_name(target, class_id):
    assert find_class(LABELS, target) == class_id


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("expresso", "nearest names are 'espresso'|'Espresso'"),
        ("cat", "'Egyptian cat'"),
        ("zebra crossing", "id from 0 to 6"),
        ("", "id from 0 to 6"),
        ("crane", "2 classes.*4 .crane., 5"),
        ("ESPRESSO", "2 classes.*2 .espresso., 3"),
        (7, "0 to 6"),
        (-1, "0 to 6"),
        ("-1", "0 to 6"),
        ("99", "0 to 6"),
        (True, "0 to 6"),
        (1.0, "0 to 6"),
    ],
)
def test_an_unknown_class_is_refused_with_a_suggestion(target, message):
    with pytest.raises(TargetError, match=message) as caught:
        find_class(LABELS, target)
    assert "\n" not in str(caught.value)
