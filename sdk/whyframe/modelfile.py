"""Reading and cutting of ONNX files on the level of protobuf fields.

The runtime needs no ONNX package for this, and damage is detected before an inference library reads the file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from typing import NamedTuple

from whyframe.errors import ManifestError, ModelError, one_line
from whyframe.files import read_bounded

__all__ = [
    "ENGINE_MAGIC",
    "EXPORT_AGAIN",
    "NO_DIGEST",
    "compute_digest",
    "find_metadata",
    "keep_outputs",
    "read_model",
    "read_varint",
]

EXPORT_AGAIN = "export it again with `whyframe export`, or fetch it again"
"""Advice at the end of error messages about a damaged model."""

NO_DIGEST = "0" * 64
"""Placeholder of the digest while the digest of the file is computed."""

ENGINE_MAGIC = b"WHYFRENG"
"""First bytes of a compiled engine; see `whyframe.tensorrt.enginefile`."""

_LARGEST = 8 << 30  # bytes; an ONNX file ends at 2 GiB, a compiled engine has three plans

# Field numbers of the ONNX messages.
_MODEL_GRAPH, _MODEL_METADATA = 7, 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_GRAPH_NODE, _GRAPH_OUTPUT = 1, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_ATTRIBUTE = 1, 2, 5
_ATTRIBUTE_GRAPHS = (6, 11)
_VALUE_NAME = 1


class _Field(NamedTuple):
    """A length-delimited protobuf field: the tag starts at ``begin``, the content is in ``[start, stop)``."""

    number: int
    begin: int
    start: int
    stop: int


def read_model(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a model file.

    Raises:
        ModelError: The file is missing or cannot be read.
    """
    try:
        return read_bounded(path, _LARGEST)
    except FileNotFoundError as error:
        raise ModelError(f"there is no model file {path}; check the path.") from error
    except (
        OSError,
        ValueError,
    ) as error:  # ValueError: a name with a null byte, or one that cannot be encoded
        reason = one_line(getattr(error, "strerror", None) or error)
        raise ModelError(f"{path} cannot be read ({reason}); check the path.") from error


def find_metadata(data: bytes, key: str, name: str) -> tuple[int, int]:
    """Find the position of a metadata value in the content of an ONNX file.

    Args:
        data: Content of the file.
        key: Key of the metadata entry.
        name: Name of the file in error messages.

    Returns:
        Positions (start, stop) of the value's bytes.

    Raises:
        ModelError: The content is not an ONNX model, or is truncated.
        ManifestError: The model has no metadata entry with this key.
    """
    fields = list(_walk(data, 0, len(data), name))
    _graph(fields, name)
    for metadata in fields:
        if metadata.number == _MODEL_METADATA:
            entry = {field.number: field for field in _walk(data, metadata.start, metadata.stop, name)}
            if _ENTRY_VALUE in entry and _text(data, entry.get(_ENTRY_KEY)) == key:
                return entry[_ENTRY_VALUE].start, entry[_ENTRY_VALUE].stop
    raise ManifestError(f"{name} has no whyframe manifest; make the file with `whyframe export`.")


def keep_outputs(data: bytes, outputs: Collection[str], name: str = "the model") -> bytes:
    """Return a model reduced to some of its outputs and the nodes that they need.

    ONNX Runtime executes every node, whichever outputs are fetched (``only_execute_path_to_fetches`` has no effect
    in inference builds). To execute a part of a graph, that part must be a separate graph.

    Args:
        data: Content of an ONNX file.
        outputs: Names of the outputs to keep.
        name: Name of the file in error messages.

    Returns:
        Content of the smaller ONNX file. Weights that are no longer used stay in it.

    Raises:
        ModelError: The content is not an ONNX model.
    """
    graph = _graph(list(_walk(data, 0, len(data), name)), name)
    dropped = _unneeded(data, graph, outputs, name)
    starts = [graph.start, *(field.stop for field in dropped)]
    stops = [*(field.begin for field in dropped), graph.stop]
    kept = b"".join(data[start:stop] for start, stop in zip(starts, stops, strict=True))
    tag = bytes([_MODEL_GRAPH << 3 | 2])
    return data[: graph.begin] + tag + _encode(len(kept)) + kept + data[graph.stop :]


def _unneeded(data: bytes, graph: _Field, outputs: Collection[str], name: str) -> list[_Field]:
    """Return the nodes and outputs of a graph that are not needed for ``outputs``, in the order of the file."""
    needed, dropped = set(outputs), []
    name_fields = {_GRAPH_OUTPUT: _VALUE_NAME, _GRAPH_NODE: _NODE_OUTPUT}
    # Backwards, because a node comes after the nodes whose outputs it reads.
    for field in reversed(list(_walk(data, graph.start, graph.stop, name))):
        if field.number not in name_fields:
            continue
        if needed.isdisjoint(_names(data, field, name_fields[field.number], name)):
            dropped.append(field)
        elif field.number == _GRAPH_NODE:
            needed.update(_node_inputs(data, field, name))
    return dropped[::-1]


def _names(data: bytes, message: _Field, number: int, name: str) -> list[str]:
    """Return the texts of all fields of a message that have this number."""
    fields = _walk(data, message.start, message.stop, name)
    return [_text(data, field) for field in fields if field.number == number]


def _node_inputs(data: bytes, node: _Field, name: str) -> Iterator[str]:
    """Yield the names of the tensors that a node reads, also in the bodies of its branches and loops."""
    for field in _walk(data, node.start, node.stop, name):
        if field.number == _NODE_INPUT:
            yield _text(data, field)
        elif field.number == _NODE_ATTRIBUTE:
            for body in _walk(data, field.start, field.stop, name):
                if body.number in _ATTRIBUTE_GRAPHS:
                    yield from _body_inputs(data, body, name)


def _body_inputs(data: bytes, body: _Field, name: str) -> Iterator[str]:
    for field in _walk(data, body.start, body.stop, name):
        if field.number == _GRAPH_NODE:
            yield from _node_inputs(data, field, name)
        elif field.number == _GRAPH_OUTPUT:
            yield from _names(data, field, _VALUE_NAME, name)


def _graph(fields: list[_Field], name: str) -> _Field:
    for field in fields:
        if field.number == _MODEL_GRAPH:
            return field
    raise ModelError(f"{name} is not an ONNX model; give a file made by `whyframe export`.")


def _text(data: bytes, field: _Field | None) -> str:
    return "" if field is None else data[field.start : field.stop].decode("utf-8", errors="replace")


def _walk(data: bytes, at: int, end: int, name: str) -> Iterator[_Field]:
    """Yield the length-delimited protobuf fields of ``data[at:end]``."""
    damaged = ModelError(f"{name} is not an ONNX model, or is truncated; {EXPORT_AGAIN}.")
    while at < end:
        begin = at
        tag, at = read_varint(data, at, damaged)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            _, at = read_varint(data, at, damaged)
            continue
        if wire == 2:
            size, at = read_varint(data, at, damaged)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise damaged
        if number == 0 or at + size > end:
            raise damaged
        if wire == 2:
            yield _Field(number, begin, at, at + size)
        at += size


def read_varint(data: bytes, at: int, damaged: ModelError) -> tuple[int, int]:
    """Return the base-128 number at ``at``, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise damaged
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise damaged


def _encode(value: int) -> bytes:
    """Return a number as a base-128 varint."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def compute_digest(data: bytes | bytearray, at: int) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal, with the 64 bytes at ``at`` replaced by the characters 0."""
    view = memoryview(data)
    sha = hashlib.sha256(view[:at])
    sha.update(NO_DIGEST.encode())
    sha.update(view[at + len(NO_DIGEST) :])
    return sha.hexdigest()
