"""A toy model whose normalisation has the names of an exported file, and images for it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from helpers.toy import Toy
from whyframe.manifest import Manifest

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


def export_like(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace the constants of the toy's normalisation by those of an exported graph: scale and bias of a channel."""
    graph = model.graph
    kept = [tensor for tensor in graph.initializer if tensor.name not in ("scale", "shift")]
    del graph.initializer[:]
    values = {"scale": np.full((1, 3, 1, 1), 4 / 255), "bias": np.full((1, 3, 1, 1), -2.0)}
    graph.initializer.extend(kept)
    graph.initializer.extend(numpy_helper.from_array(v.astype(np.float32), n) for n, v in values.items())
    (node,) = (node for node in graph.node if node.op_type == "Sub" and "shift" in node.input)
    node.CopyFrom(helper.make_node("Add", ["scaled", "bias"], ["normal"]))
    return model


@pytest.fixture
def manifest() -> Manifest:
    toy = Toy().manifest()
    return dataclasses.replace(toy, input=dataclasses.replace(toy.input, mean=MEAN, std=STD))


@pytest.fixture
def model_path(tmp_path: Path, manifest: Manifest) -> Path:
    """Path of the toy model, exported as by whyframe."""
    manifest.write(export_like(Toy().model()), tmp_path / "toy.onnx")
    return tmp_path / "toy.onnx"


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Six wide images whose colours differ between the middle and the sides, and between red and blue."""
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    paths = [tmp_path / "photos" / f"{index}.png" for index in range(6)]
    for path in paths:
        blocks = rng.integers(0, 256, (9, 15, 3), np.uint8)
        cv2.imwrite(str(path), np.kron(blocks, np.ones((7, 7, 1), np.uint8)))
    return paths
