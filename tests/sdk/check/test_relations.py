import numpy as np
import pytest

from whyframe.check.relations import relation

LOGITS = np.random.default_rng(0).normal(0, 2, (6, 5))
SIGMOID = 1 / (1 + np.exp(-LOGITS))


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        (softmax(LOGITS), SIGMOID, "--activation sigmoid"),
        (SIGMOID, softmax(LOGITS), "--activation softmax"),
        (
            softmax(LOGITS),
            softmax(softmax(LOGITS)),
            "your pipeline applies a softmax to what are probabilities",
        ),
        (softmax(softmax(LOGITS)), softmax(LOGITS), "--activation none"),
        (softmax(LOGITS), softmax(LOGITS)[:, [1, 2, 3, 4, 0]], "the labels are in another order"),
    ],
)
def test_what_turns_one_answer_into_the_other_is_named(
    ours: np.ndarray, theirs: np.ndarray, found: str
) -> None:
    assert found in relation(ours, theirs)


def test_unrelated_answers_and_partial_answers_have_no_relation() -> None:
    other = softmax(np.random.default_rng(1).normal(0, 2, (6, 5)))
    assert relation(softmax(LOGITS), other) == ""
    partial = SIGMOID.copy()
    partial[0, 0] = np.nan
    assert relation(softmax(LOGITS), partial) == ""
