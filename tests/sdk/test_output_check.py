import numpy as np
import pytest

from whyframe.errors import ModelError
from whyframe.output_check import check_outputs


def outputs(**changes):
    """Return the outputs for two frames, some replaced."""
    usual = {
        "probabilities": np.full((2, 5), 0.2, np.float32),
        "class_id": np.array([0, 4]),
        "saliency": np.ones((2, 4, 4), np.float32),
        "rows": 2,
    }
    return {**usual, **changes}


def changed(value):
    scores = np.ones((2, 4, 4), np.float32)
    scores[1, 2, 3] = value
    return scores


def test_outputs_that_keep_the_contract_pass():
    check_outputs(**outputs())
    check_outputs(**outputs(saliency=changed(1.0004)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": 3}, "for 3 frames"),
        ({"class_id": np.array([0])}, "class_id of shape"),
        ({"class_id": np.array([0, -5])}, "from 0 to 4"),
        ({"class_id": np.array([5, 0])}, "from 0 to 4"),
        ({"saliency": changed(1e22)}, "1e\\+22"),
        ({"saliency": changed(-0.5)}, "-0.5"),
        ({"saliency": changed(np.nan)}, "not a number"),
        ({"probabilities": np.full((2, 5), np.inf, np.float32)}, "not a number"),
        ({"probabilities": np.full((2, 5), 2, np.float32)}, "probability of 2"),
        ({"probabilities": np.zeros((2, 0), np.float32)}, "shape"),
    ],
)
def test_other_outputs_are_refused(changes, message):
    with pytest.raises(ModelError, match=message):
        check_outputs(**outputs(**changes))
