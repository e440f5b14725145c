"""The content of a model file, or of the bundled model, and its manifest."""

from __future__ import annotations

import os
from importlib import resources

from whyframe.errors import ModelError
from whyframe.manifest import Manifest
from whyframe.modelfile import ENGINE_MAGIC, read_model

__all__ = ["read_content", "read_manifest"]

_BUNDLED = "efficientnet_lite0_ct.onnx"


def read_content(model: str | os.PathLike[str] | None) -> tuple[bytes, str]:
    """Return the content of a model file, and its name for error messages."""
    if model is not None:
        return read_model(model), str(model)
    try:
        return resources.files("whyframe").joinpath("models").joinpath(_BUNDLED).read_bytes(), _BUNDLED
    except FileNotFoundError as error:
        raise ModelError(
            f"this installation does not contain {_BUNDLED}; give a model file with model=."
        ) from error


def read_manifest(data: bytes, name: str) -> Manifest:
    """Return the manifest of a model's content; the name is for error messages."""
    if data.startswith(ENGINE_MAGIC):
        from whyframe.tensorrt.enginefile import EngineFile

        return EngineFile.read(data).manifest
    return Manifest.of_model(data, name)
