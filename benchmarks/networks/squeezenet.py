"""SqueezeNet 1.1 of torchvision with weights read from an ONNX file, as a user's own classifier.

    whyframe train --classifier benchmarks/networks/squeezenet.py:build --data PHOTOS -o runs/squeezenet \
        --side 227 --color bgr --resize stretch --interpolation bilinear \
        --mean 0.48235,0.45882,0.40784 --std 0.00392157,0.00392157,0.00392157

The file, named by the environment variable SQUEEZENET, is a network that was trained by Caffe: it takes 227 x 227
pixels, blue first, minus (104, 117, 123), not divided by 255.
"""

from __future__ import annotations

import os

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torchvision.models import SqueezeNet, squeezenet1_1


def build() -> SqueezeNet:
    """Return the network with the weights of the file that SQUEEZENET names.

    Raises:
        RuntimeError: A weight is missing, or has another shape.
    """
    model = onnx.load(os.environ["SQUEEZENET"])
    weights = {tensor.name: np.array(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}
    network = squeezenet1_1()
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return network.eval()
