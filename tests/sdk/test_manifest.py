import dataclasses
import hashlib
import json

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import toy
from whyframe.errors import ManifestError, ModelError, OutputError
from whyframe.manifest import Manifest
from whyframe.resize_rule import ResizeRule

FIELDS = toy.Toy().manifest()
SPEC = FIELDS.input.to_dict()


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return toy.write(tmp_path_factory.mktemp("manifest") / "toy.onnx").read_bytes()


def test_what_is_written_is_read_back(tmp_path):
    training = {"data": "photos", "count": 3, "nested": {"digest": "f" * 64}}
    manifest = dataclasses.replace(FIELDS, labels=("café", 'a "b"', '"digest": "'), training=training)
    written = manifest.write(toy.Toy().model(), tmp_path / "a.onnx")
    assert Manifest.read(tmp_path / "a.onnx") == written
    assert dataclasses.replace(written, digest="") == manifest


def test_the_model_that_was_written_is_the_file(tmp_path):
    model = toy.Toy().model()
    FIELDS.write(model, tmp_path / "a.onnx")
    again = FIELDS.write(model, tmp_path / "b.onnx")  # replaces the manifest in the model
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    assert onnx.load(tmp_path / "b.onnx") == model
    assert Manifest.from_metadata({entry.key: entry.value for entry in model.metadata_props}) == again


def test_the_digest_is_sha256_with_itself_as_zeros(content):
    manifest = Manifest.read(content)
    assert content.count(manifest.digest.encode()) == 1
    assert hashlib.sha256(content.replace(manifest.digest.encode(), b"0" * 64)).hexdigest() == manifest.digest


def test_any_flipped_bit_is_detected(content):
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 1 << (at % 8)
        with pytest.raises(ModelError):
            Manifest.read(bytes(damaged))


def test_any_truncation_is_detected(content):
    for size in range(len(content)):
        with pytest.raises(ModelError):
            Manifest.read(content[:size])


@given(st.binary(max_size=200))
def test_any_other_content_is_refused(data):
    with pytest.raises(ModelError):
        Manifest.read(data)


def test_content_after_the_model_is_detected(content):
    with pytest.raises(ModelError):
        Manifest.read(content + b"\x08\x0a")  # a valid field: ir_version


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no model file .*absent\.onnx; check"):
        Manifest.read(tmp_path / "absent.onnx")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        Manifest.read(tmp_path)


def test_a_text_file_is_refused(tmp_path):
    (tmp_path / "notes.onnx").write_text("these are notes, and no model at all\n")
    with pytest.raises(ModelError, match=r"notes\.onnx is not an ONNX model"):
        Manifest.read(tmp_path / "notes.onnx")


def test_a_model_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"plain\.onnx has no whyframe manifest.*whyframe export"):
        Manifest.read(toy.write_without_manifest(tmp_path / "plain.onnx"))
    with pytest.raises(ManifestError, match="no whyframe manifest"):
        Manifest.from_metadata({"other": "x"})


def test_a_newer_schema_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"later\.onnx has schema 99.*upgrade whyframe"):
        Manifest.read(toy.write_newer_schema(tmp_path / "later.onnx"))


def metadata(**changes):
    values = {**FIELDS.to_dict(), **changes}
    return {Manifest.KEY: json.dumps({key: value for key, value in values.items() if value is not ...})}


def test_unknown_fields_of_this_schema_are_ignored():
    assert Manifest.from_metadata(metadata(colour="blue")) == FIELDS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ...}, "no labels"),
        ({"labels": "abc"}, "no labels"),
        ({"labels": []}, "labels"),
        ({"labels": [1, 2]}, "labels"),
        ({"input": ...}, "input"),
        ({"input": {"height": 0}}, "input"),
        ({"input": {**SPEC, "height": True}}, "height"),
        ({"input": {**SPEC, "color": "yuv"}}, "'yuv'"),
        ({"input": {**SPEC, "std": [0, 1, 1]}}, "std"),
        ({"input": {**SPEC, "resize": {"mode": "pad"}}}, "stretch or crop or letterbox"),
        ({"input": {**SPEC, "resize": {"size": 3}}}, "size"),
        ({"mask_height": "56"}, "mask_height"),
        ({"activation": "tanh"}, "activation"),
        ({"exclusive": "no"}, "exclusive"),
        ({"thresholds": []}, "thresholds"),
        ({"thresholds": [2]}, "thresholds"),
        ({"explainer": "lime"}, "'mask-predictor', 'cam', 'forward'"),
        ({"controller": {"eta": 1}}, "controller"),
        ({"classifier": None}, "classifier"),
        ({"generator": 3}, "generator"),
        ({"batch": 0}, "batch"),
        ({"training": "yes"}, "training"),
        ({"schema_version": ...}, "schema_version"),
        ({"schema_version": "1"}, "schema_version"),
    ],
)
def test_malformed_fields_are_named(changes, message):
    with pytest.raises(ManifestError, match=message) as caught:
        Manifest.from_metadata(metadata(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("resize", ["stretch", "crop"])
def test_a_manifest_of_schema_1_is_read(resize):
    old = {"side": 32, "mask_side": 8, "resize": resize, "schema_version": 1, "input": ..., "activation": ...}
    read = Manifest.from_metadata(metadata(**old))
    assert (read.input.shape, read.mask_height, read.mask_width) == ((32, 32, 3), 8, 8)
    assert read.input.resize == ResizeRule(mode=resize)
    assert (read.activation, read.exclusive, read.input.mean) == ("softmax", True, ())
    with pytest.raises(ManifestError, match="stretch or crop"):
        Manifest.from_metadata(metadata(**{**old, "resize": "pad"}))


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '"x"'])
def test_metadata_that_is_not_a_json_object_is_refused(text):
    with pytest.raises(ManifestError):
        Manifest.from_metadata({Manifest.KEY: text})


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(OutputError, match="create it"):
        FIELDS.write(toy.Toy().model(), tmp_path / "absent" / "a.onnx")


@pytest.mark.parametrize(
    "changes",
    [
        {"mask_height": 1 << 31},
        {"batch": 1 << 31},
        {"batch": 1 << 14, "mask_height": 1 << 10, "mask_width": 1 << 10},
        {"labels": ("x" * 100_000,)},
        {"labels": ()},
        {"labels": "abc"},
        {"labels": (1, 2)},
        {"activation": ["softmax"]},
        {"classifier": "x" * 100_000},
        {"thresholds": (True,)},
        {"schema_version": True},
    ],
)
def test_fields_of_giant_size_or_wrong_type_are_refused(changes):
    with pytest.raises(ManifestError) as caught:
        dataclasses.replace(FIELDS, **changes)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "changes",
    [
        {"input": {**SPEC, "height": 1 << 31}},
        {"input": {**SPEC, "height": "224"}},
        {"input": {**SPEC, "channels": [3]}},
        {"input": {**SPEC, "color": {}}},
        {"input": {**SPEC, "std": [10**400] * 3}},
        {"input": {**SPEC, "mean": 3}},
        {"input": {**SPEC, "resize": {"mode": ["stretch"]}}},
        {"input": {**SPEC, "resize": {"mode": "crop", "shorter_side": 1 << 31}}},
        {"input": [1]},
        {"input": None},
        {"labels": {"a": 1}},
        {"thresholds": 3},
        {"thresholds": None},
        {"schema_version": None},
        {"schema_version": 1e300},
        {"controller": []},
    ],
)
def test_json_of_wrong_types_is_refused_in_one_line(changes):
    text = json.dumps({**FIELDS.to_dict(), **changes})
    with pytest.raises(ManifestError) as caught:
        Manifest.from_metadata({Manifest.KEY: text})
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "null", '{"labels": [NaN]}', r'{"labels": ["\ud800"]}', "{}", ""]
)
def test_other_json_is_refused(text):
    with pytest.raises(ManifestError):
        Manifest.from_metadata({Manifest.KEY: text})


def test_control_characters_in_labels_are_escaped():
    manifest = dataclasses.replace(FIELDS, labels=("a\x1b[31m\nwhyframe: forged",))
    assert manifest.labels == (r"a\x1b[31m\nwhyframe: forged",)
