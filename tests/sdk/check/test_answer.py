import numpy as np
import pytest
import torch

from whyframe.check.answer import AnswerError, to_probabilities

LABELS = ("cat", "dog", "crane", "crane")
VALUES = [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize(
    "answer",
    [
        VALUES,
        tuple(VALUES),
        np.array(VALUES, np.float32),
        np.array([VALUES]),
        np.array(VALUES).reshape(1, 4, 1, 1),
        torch.tensor([VALUES], requires_grad=True),
        torch.tensor(VALUES, dtype=torch.bfloat16),
        dict(enumerate(VALUES)),
    ],
    ids=str,
)
def test_every_usual_form_of_an_answer_is_understood(answer: object) -> None:
    np.testing.assert_allclose(to_probabilities(answer, LABELS), VALUES, atol=2e-3)


@pytest.mark.parametrize(
    "answer",
    [
        {"dog": 0.7, "cat": torch.tensor(0.2)},
        [{"label": "dog", "score": 0.7}, {"label": "cat", "score": 0.2}],
    ],
)
def test_classes_that_a_dict_does_not_name_are_unknown(answer: object) -> None:
    np.testing.assert_allclose(to_probabilities(answer, LABELS), [0.2, 0.7, np.nan, np.nan], atol=1e-7)


def test_a_label_that_two_classes_share_tells_nothing_about_either() -> None:
    values = to_probabilities({"dog": 0.7, "crane": 0.3}, LABELS)
    np.testing.assert_allclose(values, [np.nan, 0.7, np.nan, np.nan])


def test_a_single_number_is_the_second_of_two_classes() -> None:
    np.testing.assert_allclose(to_probabilities(0.7, ("not X", "X")), [0.3, 0.7])
    np.testing.assert_allclose(to_probabilities([[0.7]], ("not X", "X")), [0.3, 0.7])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "predict returned None;"),
        ("cat", "predict returned str"),
        ([0.5, 0.5], "returned 2 values and the model has 4 classes"),
        (np.zeros((2, 4)), "returned 2 x 4 values"),
        ([3.0, -1.0, 0.0, 0.0], "apply softmax"),
        ([10.0, 20.0, 30.0, 40.0], "divide percentages by 100"),
        ([0.1, float("nan"), 0.0, float("inf")], "not numbers"),
        ({"cat": float("nan")}, "not numbers"),
        ({}, "no class of the model"),
        ({"dogs": 1.0}, "did it mean 'dog'?"),
        ({"zebra finch": 1.0}, "whyframe info --labels"),
        ({7: 1.0}, "classes are 0 to 3"),
        ({"cat": "high"}, "returned 'high' for 'cat'"),
    ],
)
def test_anything_else_is_one_line_that_says_what_to_return(answer: object, message: str) -> None:
    with pytest.raises(AnswerError, match="returned") as caught:
        to_probabilities(answer, LABELS)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nan_of_an_array_is_not_taken_for_an_unknown_class() -> None:
    with pytest.raises(AnswerError, match="not numbers"):
        to_probabilities([0.1, 0.2, 0.7, float("nan")], LABELS)
