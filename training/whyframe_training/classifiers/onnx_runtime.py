"""Forward passes of a classifier by ONNX Runtime, on a CPU two to three times as fast as PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import onnxruntime as ort
import torch
from torch import Tensor

from whyframe.errors import WhyframeError, one_line
from whyframe_training.classifiers.classifier import Classifier
from whyframe_training.classifiers.feature_taps import blank

__all__ = ["ServingError", "onnx_backend"]

OPSET = 18
TOLERANCE = 1e-3  # relative to the largest logit


class ServingError(WhyframeError):
    """A network that ONNX Runtime cannot run, or whose logits differ from those of PyTorch."""


@contextmanager
def onnx_backend(classifier: Classifier) -> Iterator[None]:
    """Compute `Classifier.logits` by ONNX Runtime inside the block, where no gradient is recorded.

    This is for perturbation methods and metrics, which call a classifier thousands of times. Features and passes with
    a gradient are still computed by PyTorch. Nothing changes for a classifier on a GPU.

    Raises:
        ServingError: The network cannot be exported, or its logits differ from those of PyTorch.
    """
    if classifier.mean.device.type != "cpu":
        yield
        return
    session = _session(classifier)
    _check(classifier, session)
    classifier.onnx_backend = session
    try:
        yield
    finally:
        classifier.onnx_backend = None


def _session(classifier: Classifier) -> Callable[[Tensor], Tensor]:
    try:
        model = _export(classifier)
    except Exception as error:  # torch.onnx raises errors of many types
        raise ServingError(f"{classifier.name} cannot be exported to ONNX: {one_line(error)}") from error
    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(normalised: Tensor) -> Tensor:
        (logits,) = session.run(["logits"], {"images": normalised.contiguous().numpy()})
        return torch.from_numpy(logits)

    return run


def _export(classifier: Classifier) -> bytes:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            classifier.module, (blank(classifier.input, 2),), input_names=["images"], output_names=["logits"],
            opset_version=OPSET, dynamic_shapes=({0: torch.export.Dim("N")},), dynamo=True, verbose=False,
        )  # fmt: skip
    if program is None:
        raise ServingError("torch.onnx.export returned no program")
    return program.model_proto.SerializeToString()


def _check(classifier: Classifier, session: Callable[[Tensor], Tensor]) -> None:
    noise = torch.Generator().manual_seed(0)
    probe = torch.rand(blank(classifier.input, 3).shape, generator=noise)
    with torch.no_grad():
        own, other = classifier.logits(probe), session(classifier.normalise(probe))
    largest = float((own - other).abs().max())
    if largest > TOLERANCE * float(own.abs().max()):
        raise ServingError(
            f"the logits of {classifier.name} by ONNX Runtime differ by {largest:.2g} from those of PyTorch"
        )
