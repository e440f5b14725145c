"""Facts about a classifier: its input, outputs, features and head, and what each explainer would cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from whyframe.errors import WhyframeError
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.classifiers.feature_taps import blank
from whyframe_training.predictor.class_activation_map import ClassActivationMap
from whyframe_training.predictor.forward_map import ForwardMap
from whyframe_training.predictor.generators import default_generator
from whyframe_training.predictor.mask_predictor import MaskPredictor, build_predictor

__all__ = ["inspect_classifier", "multiply_adds"]

CONTROLLER = {"name": "ct", "eta": 1.5, "h": 2.5}


def inspect_classifier(classifier: Classifier, generator: str | None = None) -> dict[str, Any]:
    """Return what whyframe found in a classifier, and what each explainer would cost, as JSON values.

    Args:
        classifier: The classifier, on the CPU.
        generator: Mask generator of the predictor, "edge" or "unet"; None for the default of the network.

    Returns:
        `classifier`, `input`, `outputs`, `classes`, `labels_from`, `taps`, `head`, `parameters`, `multiply_adds` and
        `explainers`, as the help of `whyframe inspect` describes them.
    """
    cost = multiply_adds(lambda: classifier.logits(blank(classifier.input)))
    return {
        "classifier": classifier.name,
        "input": classifier.input.to_dict(),
        "outputs": {"meaning": classifier.outputs.value, "exclusive": classifier.exclusive},
        "classes": len(classifier.labels),
        "labels_from": classifier.labels_from,
        "taps": taps_of(classifier),
        "head": _head(classifier),
        "parameters": _count(classifier.given),
        "multiply_adds": cost,
        "explainers": {
            "predictor": _attempt(lambda: _predictor(classifier, generator, cost)),
            "cam": _attempt(lambda: _cam(classifier, cost)),
            "forward": _attempt(lambda: _forward(classifier, cost)),
        },
    }


def taps_of(classifier: Classifier) -> list[dict[str, Any]]:
    """Return name, layout, size, channels and strides of each feature tap, from fine to coarse.

    The last features of a network without stride 32 are those of stride 16 too. They are listed once.
    """
    height, width = classifier.input.height, classifier.input.width
    return [
        {**tap._asdict(), "strides": [round(height / tap.height, 2), round(width / tap.width, 2)]}
        for tap in dict.fromkeys(classifier.taps)
    ]


def multiply_adds(run: Callable[[], Any]) -> int:
    """Return the number of multiply-adds of convolutions, matrix products and attention in a forward pass."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() // 2


def _head(classifier: Classifier) -> dict[str, Any] | None:
    """Return the last layer of a network with global average pooling, whose rows are the class weights; else None."""
    head = classifier.head()
    if head is None:
        return None
    kind = nn.Linear if _is_part(head, classifier) else nn.Conv2d
    named = [name for name, part in classifier.module.named_modules() if isinstance(part, kind)]
    return {"name": named[-1], "class_weights": list(head.weight.shape), "bias": head.bias is not None}


def _is_part(head: nn.Linear | None, classifier: Classifier) -> bool:
    return any(part is head for part in classifier.module.modules())


def _predictor(classifier: Classifier, generator: str | None, cost: int) -> dict[str, Any]:
    settings = default_generator(classifier.name, generator)
    predictor = build_predictor(classifier, settings, CONTROLLER).eval()
    parameters = _count(predictor)
    if _is_part(classifier.head(), classifier):  # a file stores the copy of the last layer only once
        parameters -= predictor.generator.filter.embedding.numel()
    name = "-".join(map(str, (predictor.generator.name, *predictor.generator.widths)))
    return {"generator": name, **_explainer(classifier, predictor, parameters, cost)}


def _cam(classifier: Classifier, cost: int) -> dict[str, Any]:
    return _explainer(classifier, ClassActivationMap(classifier), 0, cost)


def _explainer(
    classifier: Classifier, explainer: MaskPredictor | ClassActivationMap, parameters: int, cost: int
) -> dict[str, Any]:
    with torch.no_grad():
        stages = classifier(blank(classifier.input)).stages
    target = torch.zeros(1, dtype=torch.int64)
    with torch.no_grad():
        mask = explainer.logit_map(stages, target).shape[1:]
    extra = multiply_adds(lambda: explainer.logit_map(stages, target))
    return _costs(list(mask), parameters, extra, cost)


def _forward(classifier: Classifier, cost: int) -> dict[str, Any]:
    explainer = ForwardMap(classifier)
    extra = round(explainer.cost * cost) + explainer.masked_values
    return _costs(list(explainer.grid), 0, extra, cost)


def _costs(mask: list[int], parameters: int, extra: int, cost: int) -> dict[str, Any]:
    relative = float(f"{extra / cost:.3g}") if cost else None
    return {"mask": mask, "parameters": parameters, "multiply_adds": extra, "relative_cost": relative}


def _attempt(describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the description of an explainer, or the reason why it cannot be used."""
    try:
        return {"usable": True, **describe()}
    except WhyframeError as error:
        return {"usable": False, "reason": str(error)}


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
