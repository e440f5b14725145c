"""The ``.engine`` file: two compiled engines and everything that says where they may run.

    8 bytes    magic, b"WHYFRAME"
    4 bytes    length of the header, little-endian
    n bytes    header, JSON
    32 bytes   SHA-256 of all other bytes
    the rest   the engines: of the fused graph, of the classifier alone, of the classifier for refinement

The same build gives the same bytes: nothing in it is a date or a machine. On a busy machine the timing of TensorRT's
threads may swap the places of outputs in its lists.
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
from whyframe.manifest import Manifest
from whyframe.modelfile import ENGINE_MAGIC, read_model
from whyframe.tensorrt.api import FLAVOURS, ComputeCapability, TensorRT, dotted

__all__ = ["Batch", "EngineFile"]

SCHEMA = 1
_PREFIX = struct.Struct("<8sI")
_SEAL = 32

_PORTABLE: tuple[ComputeCapability, ...] = ((8, 0), (8, 6), (8, 9), (12, 0))
"""What TensorRT-RTX compiles for where nothing is named; the last stands for later ones too."""

Batch = tuple[int, int, int]
"""Smallest, best and largest batch."""


@dataclass(frozen=True, kw_only=True)
class EngineFile:
    """What an engine file holds.

    Attributes:
        manifest: that of the ONNX file, whose digest it carries; its precision is the engines'.
        builder: ``"tensorrt"`` or ``"tensorrt_rtx"``.
        builder_version: of the builder; no other version loads the engines.
        compute_capabilities: the GPUs compiled for; none for TensorRT-RTX's portable set.
        batch: of the fused graph, and of the classifier alone.
        refine_batch: of the classifier for the refinement.
        plugin: whether loading the fused graph's engine takes the project's plugin.
        explainer: the fused graph's engine, serialised.
        classifier: the classifier's engine, serialised.
        refine_classifier: the classifier's engine for the batches of the refinement, serialised.
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
        """Reads an engine file, and checks that it is whole.

        Args:
            source: the file's path, or its content.

        Raises:
            ModelError: it is missing, no engine file, truncated, damaged, or of a newer schema.
        """
        if isinstance(source, bytes):
            return _decode(source, "the engine file")
        return _decode(read_model(source), str(source))

    def to_bytes(self) -> bytes:
        """The file's content."""
        header = json.dumps(self.header(), sort_keys=True).encode()
        head = _PREFIX.pack(ENGINE_MAGIC, len(header)) + header
        plans = b"".join(self._plans())
        return head + _seal(head, plans) + plans

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Writes the file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        return atomic_write(path, self.to_bytes())

    def header(self) -> dict[str, Any]:
        """The header, JSON-safe."""
        return {
            "schema": SCHEMA,
            "manifest": self.manifest.to_dict(),
            "onnx_digest": self.manifest.digest,
            "precision": self.manifest.precision,
            "builder": self.builder,
            "builder_version": self.builder_version,
            "compute_capabilities": [list(one) for one in self.compute_capabilities],
            "batch": list(self.batch),
            "tuning_batch": list(self.refine_batch),
            "plugin": self.plugin,
            "sizes": [len(plan) for plan in self._plans()],
        }

    def check(self, trt: TensorRT, device: ComputeCapability, digest: str | None = None) -> None:
        """Refuses an engine that does not fit.

        Args:
            trt: what is to run it.
            device: the GPU's compute capability.
            digest: of the ONNX file that it must have been made from; None where there is no such file.

        Raises:
            ModelError: it was made from another ONNX file.
            BackendError: it was built by another TensorRT or another version, or for other GPUs.
        """
        again = f"compile it again with `{self._command(trt, device)}`."
        if digest not in (None, self.manifest.digest):
            raise ModelError(f"the engine was made from another ONNX file than this one; {again}")
        if (self.builder, self.builder_version) != (trt.name, trt.version):
            made = f"{FLAVOURS[self.builder].title} {self.builder_version}"
            raise BackendError(f"the engine was built by {made} and this is {trt}; {again}")
        if not self.runs_on(device):
            raise BackendError(
                f"the engine was built for compute capability {self._gpus()} and this GPU's is {dotted(device)}; "
                f"{again}"
            )

    def runs_on(self, device: ComputeCapability) -> bool:
        """Whether the engines were compiled for GPUs of a compute capability."""
        if self.compute_capabilities:
            return device in self.compute_capabilities
        return device in _PORTABLE or device > _PORTABLE[-1]

    def _command(self, trt: TensorRT, device: ComputeCapability) -> str:
        """The command that builds such an engine for what is here."""
        parts = ["whyframe compile MODEL.onnx", f"--precision {self.manifest.precision}"]
        if self.manifest.batch is None:
            parts.append(f"--batch {':'.join(map(str, self.batch))}")
        if trt.name == "tensorrt_rtx":
            targets = self.compute_capabilities if self.runs_on(device) else (device,)
            parts += [f"--compute-capability {dotted(one)}" for one in targets]
        return " ".join([*parts, *["--plugin"] * self.plugin, f"--flavour {trt.name}"])

    def _plans(self) -> tuple[bytes, bytes, bytes]:
        return self.explainer, self.classifier, self.refine_classifier

    def _gpus(self) -> str:
        if not self.compute_capabilities:
            return f"{', '.join(map(dotted, _PORTABLE))} and later"
        return ", ".join(map(dotted, self.compute_capabilities))


_AGAIN = "compile it again with `whyframe compile MODEL.onnx`, or fetch it again"


def _decode(data: bytes, name: str) -> EngineFile:
    if not data.startswith(ENGINE_MAGIC):
        raise ModelError(f"{name} is no engine file; make one with `whyframe compile MODEL.onnx`.")
    stop = _PREFIX.size + int.from_bytes(data[len(ENGINE_MAGIC) : _PREFIX.size], "little")
    if _seal(data[:stop], memoryview(data)[stop + _SEAL :]) != data[stop : stop + _SEAL]:
        raise ModelError(f"{name} is truncated or damaged: it does not match its digest; {_AGAIN}.")
    header = json.loads(data[_PREFIX.size : stop])
    schema = header.get("schema", 0)
    if schema > SCHEMA:
        raise ModelError(
            f"{name} has schema {schema} and this whyframe reads up to {SCHEMA}; "
            "upgrade whyframe with `pip install --upgrade whyframe`."
        )
    try:
        return _from_header(header, data[stop + _SEAL :])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the header of {name} lacks or misstates {one_line(error)}; {_AGAIN}.") from error


def _from_header(header: dict[str, Any], plans: bytes) -> EngineFile:
    first, second, third = accumulate(header["sizes"])
    return EngineFile(
        manifest=Manifest.from_metadata({Manifest.KEY: json.dumps(header["manifest"])}),
        builder=header["builder"],
        builder_version=header["builder_version"],
        compute_capabilities=tuple((major, minor) for major, minor in header["compute_capabilities"]),
        batch=tuple(header["batch"]),
        refine_batch=tuple(header["tuning_batch"]),
        plugin=header["plugin"],
        explainer=plans[:first],
        classifier=plans[first:second],
        refine_classifier=plans[second:third],
    )


def _seal(head: bytes, plans: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(head)
    digest.update(plans)
    return digest.digest()
