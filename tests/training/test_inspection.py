import json

import pytest
import torch
from torch import nn

from helpers.architectures import CLASSES, LABELS, classifier, spec
from helpers.tiny_classifier import classifier as tiny
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.inspection import inspect_classifier, multiply_adds


def test_multiply_adds_are_those_of_the_closed_form() -> None:
    conv, linear = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(32, 5)
    assert multiply_adds(lambda: conv(torch.zeros(1, 3, 10, 12))) == 10 * 12 * 8 * 3 * 9
    assert multiply_adds(lambda: linear(torch.zeros(1, 32))) == 32 * 5


def test_a_network_with_pooling_and_a_linear_layer() -> None:
    built = tiny()
    facts = json.loads(json.dumps(inspect_classifier(built)))
    assert [tap["strides"] for tap in facts["taps"]] == [[4, 4], [8, 8], [16, 16], [32, 32]]
    assert facts["head"] == {"name": "fc", "class_weights": [5, 20], "bias": True}
    assert facts["parameters"] == sum(p.numel() for p in built.given.parameters())
    assert facts["explainers"]["cam"] == {
        "usable": True, "mask": [2, 2], "parameters": 0, "multiply_adds": 80,
        "relative_cost": float(f"{80 / facts['multiply_adds']:.3g}"),
    }  # fmt: skip
    predictor = facts["explainers"]["predictor"]
    assert predictor["usable"]
    assert (predictor["mask"], predictor["generator"]) == ([16, 16], "edge-128-64-32")
    assert predictor["relative_cost"] == pytest.approx(
        predictor["multiply_adds"] / facts["multiply_adds"], rel=1e-2
    )


def test_a_transformer_has_tokens_and_no_class_activation_map() -> None:
    facts = inspect_classifier(classifier("vit"))
    assert [(tap["layout"], tap["prefix"], tap["strides"]) for tap in facts["taps"]] == [
        ("tokens", 1, [16, 16])
    ] * 3
    assert facts["head"] is None
    cam = facts["explainers"]["cam"]
    assert not cam["usable"]
    assert "does not end in global average pooling" in cam["reason"]
    assert facts["explainers"]["predictor"]["mask"] == [16, 16]


def test_the_embedding_counts_as_extra_only_where_the_file_stores_it() -> None:
    """A network with another layer behind the pooled features has no class weights to share."""
    torch.manual_seed(0)

    def facts(*head: nn.Module) -> dict:
        body = [nn.Conv2d(3, 16, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        network = nn.Sequential(*body, *head)
        return inspect_classifier(Classifier(network, name="n", labels=LABELS, input=spec(64)))

    shared = facts(nn.Linear(16, CLASSES))["explainers"]["predictor"]["parameters"]
    own = facts(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, CLASSES))["explainers"]["predictor"]["parameters"]
    assert own - shared == CLASSES * 16


def test_features_that_are_read_at_two_scales_are_listed_once() -> None:
    """The last features of a network without stride 32 are those of stride 16 too."""
    layers = [nn.Conv2d(3, 8, 4, 4), nn.Conv2d(8, 8, 2, 2), nn.Conv2d(8, 8, 2, 2)]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))
    built = Classifier(network, name="n", labels=LABELS, input=spec(64))
    assert [tap.name for tap in built.taps] == ["0", "1", "2", "2"]
    assert [tap["name"] for tap in inspect_classifier(built)["taps"]] == ["0", "1", "2"]


def test_a_forward_map_before_the_pooling_costs_its_masked_values() -> None:
    layers = [nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.Conv2d(8, CLASSES, 1), nn.ReLU()]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    built = Classifier(network, name="n", labels=LABELS, input=spec(64), activation="softmax")
    forward = inspect_classifier(built)["explainers"]["forward"]
    assert forward["multiply_adds"] == CLASSES * 16**4
    assert forward["relative_cost"] > 0
