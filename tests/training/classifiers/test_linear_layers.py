"""Tests of the last layer of a classifier: after the pooling, before it as a 1x1 convolution, and neither."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import squeezenet1_1

from whyframe.input_spec import InputSpec
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.classifiers.linear_layers import as_linear, for_two_classes
from whyframe_training.predictor.class_activation_map import ClassActivationMap
from whyframe_training.predictor.mask_predictor import build_predictor

INPUT = InputSpec(height=32, width=32)


def fully_convolutional(*after: nn.Module, classes: int = 3) -> Classifier:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 6, 3, 2, 1), nn.ReLU())
    network = nn.Sequential(body, nn.Conv2d(6, classes, 1), *after, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    labels = [f"class {index}" for index in range(max(classes, 2))]
    return Classifier(
        network, name="own", labels=labels, input=INPUT, activation="softmax" if classes > 1 else "sigmoid"
    )


@pytest.mark.parametrize("after", [[], [nn.ReLU()]], ids=["linear", "relu"])
def test_convolution_before_the_pooling_is_the_head(after: list[nn.Module]) -> None:
    classifier = fully_convolutional(*after)
    head = classifier.head()
    assert head is not None
    images = torch.rand(2, 3, 32, 32)
    stages, logits = classifier(images)
    cells = ClassActivationMap(classifier).logit_map(stages, torch.tensor([2, 0]))
    values = cells + head.bias[[2, 0], None, None]
    values = values.relu() if after else values
    torch.testing.assert_close(values.mean((1, 2)), logits[[0, 1], [2, 0]])


def test_other_activation_before_the_pooling_has_no_head() -> None:
    classifier = fully_convolutional(nn.Sigmoid())
    assert classifier.head() is None
    assert classifier.last_linear() is not None


def test_single_output_of_a_convolution_becomes_two_classes() -> None:
    head = fully_convolutional(classes=1).head()
    assert head is not None and head.out_features == 2
    torch.testing.assert_close(head.weight[0], -head.weight[1])


def test_squeezenet_has_a_class_activation_map_and_its_embedding() -> None:
    network = squeezenet1_1(num_classes=4)
    classifier = Classifier(
        network, name="squeezenet", labels="abcd", input=InputSpec(height=64, width=64), activation="softmax"
    )
    predictor = build_predictor(classifier, {"name": "edge", "widths": [8, 8, 8]}, {"name": "ct"})
    weight = network.classifier[1].weight.flatten(1)
    torch.testing.assert_close(predictor.generator.filter.embedding.data, weight.data)
    assert classifier.head() is not None


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(4, 5, 3), nn.Conv2d(4, 4, 1, groups=2), nn.Conv2d(4, 5, 1, stride=2)], ids=str
)
def test_other_convolutions_are_no_linear_layer(layer: nn.Conv2d) -> None:
    assert as_linear(layer) is None


def test_convolution_as_linear_layer() -> None:
    layer = nn.Conv2d(4, 5, 1)
    features = torch.rand(1, 4, 3, 3)
    linear = as_linear(layer)
    assert linear is not None
    torch.testing.assert_close(linear(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), layer(features))


def test_two_classes_have_the_same_sigmoid() -> None:
    linear = nn.Linear(4, 1)
    x = torch.rand(3, 4)
    both: Tensor = for_two_classes(linear)(x)
    torch.testing.assert_close(both.softmax(1)[:, 1:], linear(x).sigmoid())


def test_own_probabilities_in_float64() -> None:
    classifier = fully_convolutional()
    images = torch.rand(2, 3, 32, 32)
    exact = classifier.own_probabilities(images, exact=True)
    assert exact.dtype == torch.float64
    torch.testing.assert_close(exact.float(), classifier.own_probabilities(images))
    assert next(classifier.given.parameters()).dtype == torch.float32
