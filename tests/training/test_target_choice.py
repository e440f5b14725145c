"""The classes that a mask predictor is trained to explain."""

import pytest
import torch

from whyframe_training.target_choice import (
    choose_filter_labels,
    choose_filter_targets,
    choose_target_labels,
    choose_targets,
)


def places(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the position of each target in the order of its image's logits."""
    return (logits.argsort(dim=1, descending=True) == target[:, None]).float().argmax(dim=1)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_targets_are_mostly_the_predicted_class_and_always_of_the_top_five() -> None:
    logits = torch.randn(4000, 20, generator=torch.Generator().manual_seed(0))
    target = choose_targets(logits, 0.8, torch.Generator().manual_seed(0))
    place = (logits.argsort(dim=1, descending=True) == target[:, None]).float().argmax(dim=1)
    assert (place == 0).float().mean() == pytest.approx(0.8, abs=0.03)
    assert place.max() == 4
    for other in range(1, 5):
        assert (place == other).float().mean() == pytest.approx(0.05, abs=0.02)
    assert choose_targets(logits[:, :2], 0.0, torch.Generator()).shape == (4000,)


def labels_with(present: int, count: int = 4000, labels: int = 12) -> torch.Tensor:
    """Return logits of which a number are positive, in a random order."""
    sorted_logits = torch.cat((torch.linspace(3, 1, present), torch.linspace(-1, -5, labels - present)))
    order = torch.rand(count, labels, generator=rng()).argsort(dim=1)
    return sorted_logits[order]


def test_labels_to_explain_are_mostly_present_and_else_the_next_four() -> None:
    place = places(logits := labels_with(3), choose_target_labels(logits, 0.7, rng(1)))
    for present in range(3):
        assert (place == present).float().mean() == pytest.approx(0.7 / 3, abs=0.03)
    for absent in range(3, 7):
        assert (place == absent).float().mean() == pytest.approx(0.3 / 4, abs=0.02)
    assert place.max() == 6


def test_the_most_probable_label_is_explained_where_none_is_present() -> None:
    place = places(logits := labels_with(0), choose_target_labels(logits, 0.8, rng(1)))
    assert (place == 0).float().mean() == pytest.approx(0.8, abs=0.03)
    assert place.max() == 4


@pytest.mark.parametrize("present", [0, 2, 12])
def test_labels_of_the_filter_are_present_or_absent_with_equal_probability(present: int) -> None:
    logits = labels_with(present)
    target, is_present = choose_filter_labels(logits, rng(1))
    place = places(logits, target)
    split = min(max(present, 1), 11)
    assert is_present.equal(place < split)
    assert is_present.float().mean() == pytest.approx(0.5, abs=0.03)
    for each in range(12):
        share = 0.5 / split if each < split else 0.5 / (12 - split)
        assert (place == each).float().mean() == pytest.approx(share, abs=0.03)


def test_all_labels_present_or_of_two_labels() -> None:
    assert choose_target_labels(labels_with(12), 0.0, rng()).max() <= 11
    two = torch.tensor([[1.0, 2.0], [-1.0, -2.0]])
    target, present = choose_filter_labels(two, rng())
    assert present.equal(target == torch.tensor([1, 0]))
    assert choose_target_labels(two, 1.0, rng()).tolist()[1] == 0


def test_classes_of_the_filter_are_the_predicted_one_and_others() -> None:
    logits = torch.randn(4000, 6, generator=rng())
    target, present = choose_filter_targets(logits, rng(1))
    assert present.equal(target == logits.argmax(1))
    assert present.float().mean() == pytest.approx(0.5, abs=0.03)
