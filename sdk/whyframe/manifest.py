"""Manifest of a fused model: JSON under the ONNX metadata key ``whyframe``, with a digest of the file.

The digest is the SHA-256 of the complete file, computed with the digest's own 64 characters replaced by zeros. A
byte that is changed later, in the weights, the graph or the manifest, is therefore detected when the file is loaded.
The digest must be the last value of the JSON in every schema, because that is how it is found.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from whyframe.errors import ManifestError, ModelError, one_line
from whyframe.files import atomic_write, json_text
from whyframe.input_spec import InputSpec
from whyframe.json_reader import JsonError, parse_json
from whyframe.manifest_rules import RULES, SCHEMA_VERSION
from whyframe.modelfile import EXPORT_AGAIN, NO_DIGEST, compute_digest, find_metadata, read_model
from whyframe.printable import printable
from whyframe.targets import find_class

__all__ = ["Manifest"]

_LARGEST = 64 << 20  # bytes of JSON
_MOST_ELEMENTS = 1 << 28


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Properties of a fused model that its graph does not contain.

    Attributes:
        labels: Names of the C classes, in the order of ``probabilities``.
        input: Size, channels, normalisation and resize rule of the model's input. The saliency is 0 where the input
            does not show the frame.
        mask_height: Height h of the ``saliency`` output, in pixels.
        mask_width: Width w of the ``saliency`` output, in pixels.
        activation: What the graph applies to the classifier's outputs: ``"softmax"``, ``"sigmoid"``, or ``"none"``
            where they are probabilities already.
        exclusive: Whether the classes exclude each other, so that their probabilities sum to 1. False for a multi-label
            classifier, whose labels have independent probabilities.
        thresholds: Probability from which a label of a multi-label classifier is present: one number for all labels,
            or one for each.
        explainer: ``"mask-predictor"`` (trained), or ``"cam"`` (class activation map) or ``"forward"`` (map of forward
            passes), which are not trained.
        controller: Name and parameters of the distribution controller, for example
            ``{"name": "ct", "eta": 1.5, "h": 2.5}``.
        classifier: Name of the explained classifier.
        generator: Name of the mask generator; None for an explainer without one.
        batch: Fixed batch size of the graph; None where it is dynamic.
        precision: Number format of most of the graph, ``"fp32"`` or ``"fp16"``.
        training: Provenance of the weights (data, counts, seed, command), in free form.
        whyframe_version: Version of whyframe that wrote the file.
        schema_version: Version of this list of fields.
        digest: SHA-256 of the file, 64 hexadecimal characters; empty before the manifest is written.
    """

    KEY: ClassVar[str] = "whyframe"
    SCHEMA_VERSION: ClassVar[int] = SCHEMA_VERSION

    labels: tuple[str, ...]
    input: InputSpec
    mask_height: int
    mask_width: int
    classifier: str
    controller: Mapping[str, Any]
    activation: str = "softmax"
    exclusive: bool = True
    thresholds: tuple[float, ...] = (0.5,)
    explainer: str = "mask-predictor"
    generator: str | None = None
    batch: int | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    whyframe_version: str = ""
    precision: str = "fp32"
    schema_version: int = SCHEMA_VERSION
    digest: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "thresholds", tuple(self.thresholds))
        for name, fits, wanted in RULES:
            value = getattr(self, name)
            if not fits(value):
                raise ManifestError(f"the manifest's {name} is {value!r:.80}, not {wanted}; {EXPORT_AGAIN}.")
        # A label is printed, drawn and logged: it cannot colour a terminal or forge a line of a log.
        object.__setattr__(self, "labels", tuple(map(printable, self.labels)))
        self._check_elements()
        if len(self.thresholds) not in (1, len(self.labels)):
            raise ManifestError(
                f"the manifest has {len(self.thresholds)} thresholds for {len(self.labels)} labels; {EXPORT_AGAIN}."
            )

    def _check_elements(self) -> None:
        """Raise an error where a batch of inputs, outputs or maps would be giant."""
        height, width, channels = self.input.shape
        most = max(height * width * channels, len(self.labels), self.mask_height * self.mask_width)
        if (self.batch or 1) * most > _MOST_ELEMENTS:
            raise ManifestError(
                f"the manifest states a batch of {self.batch or 1} with {most:,} values each, more than "
                f"{_MOST_ELEMENTS:,} together; {EXPORT_AGAIN}."
            )

    @classmethod
    def read(cls, model: str | os.PathLike[str] | bytes) -> Manifest:
        """Read the manifest of a fused ONNX file and check the digest of the file.

        Args:
            model: Path or complete content of the file.

        Returns:
            The manifest.

        Raises:
            ModelError: The file is missing, is not an ONNX model, or was changed after it was written.
            ManifestError: The manifest is missing or malformed, or has a newer schema than this version reads.
        """
        if isinstance(model, bytes):
            return cls.of_model(model, "the model")
        return cls.of_model(read_model(model), str(model))

    @classmethod
    def of_model(cls, data: bytes, name: str) -> Manifest:
        """Read the manifest from the content of a file and check the digest; see `read`.

        Args:
            data: Complete content of the file.
            name: Name of the file in error messages.
        """
        start, stop = find_metadata(data, cls.KEY, name)
        text = data[start:stop]
        digest = _written_digest(text)
        # The digest is checked before the JSON, so that a flipped byte is reported as damage.
        if digest and compute_digest(data, start + text.rfind(digest)).encode() != digest:
            raise ModelError(f"{name} is damaged: it does not match its digest; {EXPORT_AGAIN}.")
        manifest = cls._parse(text, name)
        if not digest:
            raise ManifestError(f"{name} has a manifest without a digest; {EXPORT_AGAIN}.")
        from whyframe.graph_check import check_graph  # its NumPy would slow down --help

        check_graph(data, name)
        return manifest

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Manifest:
        """Read the manifest from the metadata of a model. The digest cannot be checked without the file.

        Args:
            metadata: ONNX metadata, as in ``session.get_modelmeta().custom_metadata_map``.

        Returns:
            The manifest. Fields that this version does not know are ignored.

        Raises:
            ManifestError: The manifest is missing or malformed, or has a newer schema than this version reads.
        """
        if cls.KEY not in metadata:
            raise ManifestError("the model has no whyframe manifest; make one with `whyframe export`.")
        return cls._parse(metadata[cls.KEY], "the model")

    @classmethod
    def _parse(cls, text: str | bytes, name: str) -> Manifest:
        try:
            values = parse_json(text, _LARGEST)
        except JsonError as error:
            raise ManifestError(
                f"the manifest of {name} is not valid JSON ({error}); {EXPORT_AGAIN}."
            ) from error
        if not isinstance(values, dict) or not isinstance(values.get("labels"), list):
            raise ManifestError(f"the manifest of {name} has no labels; {EXPORT_AGAIN}.")
        schema = values.get("schema_version", 0)
        if isinstance(schema, int) and schema > cls.SCHEMA_VERSION:
            raise ManifestError(
                f"the manifest of {name} has schema {schema} and this whyframe reads up to "
                f"{cls.SCHEMA_VERSION}; upgrade whyframe with `pip install --upgrade whyframe`."
            )
        known = {field.name for field in dataclasses.fields(cls)}
        try:
            current = _of_schema_1(values) if schema == 1 else values
            fields = {key: value for key, value in current.items() if key in known}
            fields["input"] = InputSpec.from_dict(fields["input"])
            return cls(**{**fields, "schema_version": cls.SCHEMA_VERSION if schema in (1, 2) else schema})
        except ManifestError:
            raise
        except (TypeError, KeyError, AttributeError, ValueError, OverflowError) as error:
            reason = one_line(error)
            raise ManifestError(f"the manifest of {name} is malformed ({reason}); {EXPORT_AGAIN}.") from error

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as JSON values, with the digest last."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        lists = {"labels": list(self.labels), "thresholds": list(self.thresholds)}
        return {**values, **lists, "input": self.input.to_dict()}

    def to_json(self) -> str:
        """Return the JSON text for the metadata of the model, in ASCII."""
        return json_text(self.to_dict())

    def write(self, model: Any, path: str | os.PathLike[str]) -> Manifest:
        """Write a model with this manifest and the digest of the file in its metadata.

        Args:
            model: An ``onnx.ModelProto``; its metadata entry ``whyframe`` is set or replaced.
            path: The file to write, atomically.

        Returns:
            The manifest as written, with the digest.

        Raises:
            OutputError: The file cannot be written.
        """
        entries = [entry for entry in model.metadata_props if entry.key == self.KEY]
        entry = entries[0] if entries else model.metadata_props.add(key=self.KEY)
        entry.value = dataclasses.replace(self, digest=NO_DIGEST).to_json()
        data = bytearray(model.SerializeToString())
        start, stop = find_metadata(bytes(data), self.KEY, str(path))
        at = start + data[start:stop].rfind(NO_DIGEST.encode())
        digest = compute_digest(data, at)
        data[at : at + 64] = digest.encode()
        atomic_write(path, bytes(data))
        entry.value = dataclasses.replace(self, digest=digest).to_json()
        return dataclasses.replace(self, digest=digest)

    def class_id(self, target: str | int) -> int:
        """Return the id of a class given by name or id; see `whyframe.targets.find_class`."""
        return find_class(self.labels, target)


def _of_schema_1(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of schema 2 of a manifest of schema 1: its models have square RGB inputs and exclusive classes.

    The normalisation, which the graph contains, is not recorded there.
    """
    side, mask_side = values["side"], values["mask_side"]
    spec = {"height": side, "width": side, "mean": (), "std": (), "resize": values.get("resize", "stretch")}
    return {**values, "input": spec, "mask_height": mask_side, "mask_width": mask_side}


def _written_digest(text: bytes) -> bytes | None:
    """Return the 64 characters of the digest in the JSON text of a manifest, or None where there is none."""
    _, found, rest = text.rpartition(b'"digest": "')
    digest = rest[:64]
    return digest if found and len(digest) == 64 else None
