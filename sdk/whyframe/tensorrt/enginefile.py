"""The ``.engine`` file: three compiled engines, and a header that describes where they can run.

    8 bytes    magic, b"WHYFRENG"
    4 bytes    length of the header, little-endian
    n bytes    header, JSON
    32 bytes   SHA-256 of all other bytes
    the rest   the engines of the fused graph, of the classifier, and of the classifier for the refinement

The file holds no date and no name of a machine, so the same build produces the same bytes. There is an exception: on
a busy machine, the timing of TensorRT's threads may swap outputs in its lists.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from whyframe.errors import BackendError, ModelError, one_line
from whyframe.files import atomic_write
from whyframe.json_reader import JsonError, parse_json
from whyframe.manifest import Manifest
from whyframe.modelfile import ENGINE_MAGIC, read_model
from whyframe.tensorrt.api import FLAVOURS, ComputeCapability, TensorRT, dotted

__all__ = ["Batch", "EngineFile"]

SCHEMA = 1
_PREFIX = struct.Struct("<8sI")
_DIGEST = 32
_LARGEST_HEADER = 64 << 20  # bytes
_LARGEST_BATCH = 1 << 14
_LONGEST_VERSION = 100

_PORTABLE: tuple[ComputeCapability, ...] = ((8, 0), (8, 6), (8, 9), (12, 0))
"""GPUs TensorRT-RTX compiles for by default. The last entry includes all later compute capabilities."""

Batch = tuple[int, int, int]
"""Smallest, best and largest batch."""


@dataclass(frozen=True, kw_only=True)
class EngineFile:
    """Contents of an engine file.

    Attributes:
        manifest: Manifest of the ONNX file, with the file's digest and the precision of the engines.
        builder: Module name of the TensorRT that built the engines, ``"tensorrt"`` or ``"tensorrt_rtx"``.
        builder_version: Version of that TensorRT. No other version loads the engines.
        compute_capabilities: GPUs that the engines were compiled for; empty for TensorRT-RTX's portable set.
        batch: Smallest, best and largest batch of ``explainer`` and ``classifier``.
        refine_batch: Smallest, best and largest batch of ``refine_classifier``.
        plugin: Whether the engine of the fused graph needs the project's plugin.
        explainer: Serialised engine of the fused graph.
        classifier: Serialised engine of the classifier.
        refine_classifier: Serialised engine of the classifier for the refinement, which classifies many perturbed
            frames in one call.
    """

    manifest: Manifest
    builder: str
    builder_version: str
    compute_capabilities: tuple[ComputeCapability, ...]
    batch: Batch
    refine_batch: Batch
    plugin: bool
    explainer: bytes = field(repr=False)
    classifier: bytes = field(repr=False)
    refine_classifier: bytes = field(repr=False)

    @classmethod
    def read(cls, source: str | os.PathLike[str] | bytes) -> EngineFile:
        """Read an engine file and verify its digest.

        Args:
            source: Path or content of the file.

        Raises:
            ModelError: The file is missing, not an engine file, truncated, damaged, or of a newer schema.
        """
        if isinstance(source, bytes):
            return _decode(source, "the engine file")
        return _decode(read_model(source), str(source))

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        header = json.dumps(self.header(), sort_keys=True, allow_nan=False).encode()
        head = _PREFIX.pack(ENGINE_MAGIC, len(header)) + header
        plans = b"".join(self._plans())
        return head + _digest(head, plans) + plans

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the file atomically, and return its path.

        Raises:
            OutputError: The file cannot be written.
        """
        return atomic_write(path, self.to_bytes())

    def header(self) -> dict[str, Any]:
        """Return the header as JSON-safe values."""
        return {
            "schema": SCHEMA,
            "manifest": self.manifest.to_dict(),
            "onnx_digest": self.manifest.digest,
            "precision": self.manifest.precision,
            "builder": self.builder,
            "builder_version": self.builder_version,
            "compute_capabilities": [list(gpu) for gpu in self.compute_capabilities],
            "batch": list(self.batch),
            "tuning_batch": list(self.refine_batch),  # the name in schema 1
            "plugin": self.plugin,
            "sizes": [len(plan) for plan in self._plans()],
        }

    def check(self, trt: TensorRT, device: ComputeCapability, digest: str | None = None) -> None:
        """Raise an error if the engines cannot run here.

        Args:
            trt: TensorRT that will run the engines.
            device: Compute capability of the GPU.
            digest: Digest of the ONNX file that the engines must have been compiled from; None if there is none.

        Raises:
            ModelError: The engines were compiled from another ONNX file.
            BackendError: The engines were built by another TensorRT or another version, or for other GPUs.
        """
        fix = f"compile it again with `{self._command(trt, device)}`."
        if digest not in (None, self.manifest.digest):
            raise ModelError(f"the engine was compiled from another ONNX file; {fix}")
        if (self.builder, self.builder_version) != (trt.name, trt.version):
            builder = f"{FLAVOURS[self.builder].title} {self.builder_version}"
            raise BackendError(f"the engine was built by {builder} and this is {trt}; {fix}")
        if not self.runs_on(device):
            raise BackendError(
                f"the engine was built for compute capability {self._gpus()} and this GPU's is {dotted(device)}; "
                f"{fix}"
            )

    def runs_on(self, device: ComputeCapability) -> bool:
        """Return whether the engines were compiled for GPUs of a compute capability."""
        if self.compute_capabilities:
            return device in self.compute_capabilities
        return device in _PORTABLE or device > _PORTABLE[-1]

    def _command(self, trt: TensorRT, device: ComputeCapability) -> str:
        """Return the command that compiles the engine again, with the same options, for this GPU."""
        parts = ["whyframe compile MODEL.onnx", f"--precision {self.manifest.precision}"]
        if self.manifest.batch is None:
            parts.append(f"--batch {':'.join(map(str, self.batch))}")
        if trt.name == "tensorrt_rtx":
            targets = self.compute_capabilities if self.runs_on(device) else (device,)
            parts += [f"--compute-capability {dotted(target)}" for target in targets]
        return " ".join([*parts, *["--plugin"] * self.plugin, f"--flavour {trt.name}"])

    def _plans(self) -> tuple[bytes, bytes, bytes]:
        return self.explainer, self.classifier, self.refine_classifier

    def _gpus(self) -> str:
        if not self.compute_capabilities:
            return f"{', '.join(map(dotted, _PORTABLE))} and later"
        return ", ".join(map(dotted, self.compute_capabilities))


_FIX = "compile it again with `whyframe compile MODEL.onnx`, or download it again"


def _decode(data: bytes, name: str) -> EngineFile:
    if not data.startswith(ENGINE_MAGIC):
        raise ModelError(f"{name} is not an engine file; make one with `whyframe compile MODEL.onnx`.")
    stop = _PREFIX.size + int.from_bytes(data[len(ENGINE_MAGIC) : _PREFIX.size], "little")
    if _digest(data[:stop], memoryview(data)[stop + _DIGEST :]) != data[stop : stop + _DIGEST]:
        raise ModelError(f"{name} is truncated or damaged, because its digest does not match; {_FIX}.")
    try:
        header = parse_json(data[_PREFIX.size : stop], _LARGEST_HEADER)
    except JsonError as error:
        raise ModelError(f"the header of {name} is not valid JSON ({error}); {_FIX}.") from error
    schema = header.get("schema", 0) if isinstance(header, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise ModelError(
            f"{name} has schema {schema} and this whyframe reads up to {SCHEMA}; "
            "upgrade whyframe with `pip install --upgrade whyframe`."
        )
    try:
        return _from_header(header, data[stop + _DIGEST :])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"the header of {name} has a missing or invalid value ({one_line(error)}); {_FIX}."
        ) from error


def _from_header(header: dict[str, Any], plans: bytes) -> EngineFile:
    if type(header["schema"]) is not int:
        raise TypeError("schema is not a number")
    sizes = _integers(header["sizes"], 3, 0)
    if sum(sizes) != len(plans):
        raise ValueError(f"sizes {sizes} of {len(plans)} bytes")
    if header["builder"] not in tuple(FLAVOURS):
        raise ValueError(f"builder {header['builder']!r:.80}")
    if not isinstance(header["builder_version"], str) or not isinstance(header["plugin"], bool):
        raise TypeError("builder_version is not text, or plugin is not true or false")
    first, second, third = accumulate(sizes)
    return EngineFile(
        manifest=Manifest.from_metadata({Manifest.KEY: json.dumps(header["manifest"])}),
        builder=header["builder"],
        builder_version=header["builder_version"][:_LONGEST_VERSION],
        compute_capabilities=tuple(_capability(gpu) for gpu in header["compute_capabilities"]),
        batch=_batch(header["batch"]),
        refine_batch=_batch(header["tuning_batch"]),
        plugin=header["plugin"],
        explainer=plans[:first],
        classifier=plans[first:second],
        refine_classifier=plans[second:third],
    )


def _integers(values: Any, count: int, least: int) -> list[int]:
    fits = isinstance(values, list) and len(values) == count
    if not fits or any(type(value) is not int or value < least for value in values):
        raise ValueError(f"{values!r:.80} is not a list of {count} numbers from {least}")
    return list(values)


def _capability(value: Any) -> ComputeCapability:
    major, minor = _integers(value, 2, 0)
    return major, minor


def _batch(value: Any) -> Batch:
    smallest, best, largest = _integers(value, 3, 1)
    if not smallest <= best <= largest <= _LARGEST_BATCH:
        raise ValueError(f"the batch {value} is not in order, or above {_LARGEST_BATCH}")
    return smallest, best, largest


def _digest(head: bytes, plans: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(head)
    digest.update(plans)
    return digest.digest()
