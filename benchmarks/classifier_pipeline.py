"""A user's own pipeline for the table of classifiers: Pillow and PyTorch, independent of whyframe's preprocessing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from classifier_cases import Case, source

PIPELINE = '''"""A user's own pipeline: Pillow and PyTorch, independent of whyframe's preprocessing."""
import json, sys
from pathlib import Path
import numpy as np, torch
from PIL import Image
sys.path.insert(0, {scripts!r})
import classifier_cases, classifier_pipeline
work = Path({work!r})
case = next(c for c in classifier_cases.CASES if c.name == json.loads((work / "case.json").read_text())["case"])
module, spec, outputs = classifier_pipeline.own_module(case, work)


def predict(path: str):
    image = Image.open(path)
    image = image.convert({{1: "L", 3: "RGB", 4: "RGBA"}}[spec.channels])
    pixels = classifier_pipeline.prepared(image, spec)
    x = torch.from_numpy(pixels).permute(2, 0, 1).float()[None] / 255
    x = (x - torch.tensor(spec.mean).view(1, -1, 1, 1)) / torch.tensor(spec.std).view(1, -1, 1, 1)
    if spec.color.startswith("bgr"):
        x = x[:, [2, 1, 0]]
    with torch.no_grad():
        return classifier_pipeline.activated(module(x), outputs)
'''
"""Source of the file that `whyframe check --pipeline` takes."""


def own_module(case: Case, work: Path) -> tuple[Any, Any, str]:
    """Return the untouched module of a case with its weights, its input, and what its user applies to its outputs."""
    import torch

    from whyframe_training.classifiers.networks import ClassifierSpec, build_network

    spec = ClassifierSpec(source(case), "random", str(work / "labels.txt"), **case.options)
    network = build_network(spec, case.classes)
    network.module.load_state_dict(torch.load(work / "weights.pth", weights_only=True))
    return network.module.eval(), spec.input_spec(network.input), _APPLIED.get(case.classifier, "softmax")


_APPLIED = {
    "single_logit": "sigmoid",
    "single_probability": "none",
    "multi_label": "sigmoid",
    "multi_label_probabilities": "none",
    "softmax_inside": "none",
    "log_softmax_inside": "exp",
}


def activated(outputs: Any, activation: str) -> Any:
    """Return the probabilities of a network's outputs, for one image."""
    import torch

    values = outputs if isinstance(outputs, torch.Tensor) else outputs["logits"]
    values = values.flatten(1)
    applied = {
        "softmax": lambda x: x.softmax(1),
        "sigmoid": torch.sigmoid,
        "none": lambda x: x,
        "exp": torch.exp,
    }
    probabilities = applied[activation](values)[0]
    return torch.stack((1 - probabilities[0], probabilities[0])) if len(probabilities) == 1 else probabilities


def prepared(image: Image.Image, spec: Any) -> np.ndarray:
    """Return an image as a classifier takes it, by Pillow, H x W x C uint8."""
    rule = spec.resize
    filters = {
        "fast": Image.Resampling.BILINEAR,
        "bilinear": Image.Resampling.BILINEAR,
        "bicubic": Image.Resampling.BICUBIC,
        "nearest": Image.Resampling.NEAREST,
    }
    chosen = filters[rule.interpolation]
    if rule.mode == "stretch":
        small = image.resize((spec.width, spec.height), chosen)
    elif rule.mode == "crop":
        small = _cropped(image, spec, chosen)
    else:
        scale = min(spec.width / image.width, spec.height / image.height)
        size = round(image.width * scale), round(image.height * scale)
        small = Image.new(image.mode, (spec.width, spec.height), tuple(rule.fill))
        corner = (round((spec.width - size[0]) / 2 - 0.1), round((spec.height - size[1]) / 2 - 0.1))
        small.paste(image.resize(size, chosen), corner)
    pixels = np.asarray(small)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _cropped(image: Image.Image, spec: Any, chosen: Image.Resampling) -> Image.Image:
    short = min(image.size)
    target = spec.resize.shorter_side or spec.height
    width, height = (target if size == short else int(target * size / short) for size in image.size)
    left, top = round((width - spec.width) / 2), round((height - spec.height) / 2)
    return image.resize((width, height), chosen).crop((left, top, left + spec.width, top + spec.height))
