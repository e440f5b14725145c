import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from whyframe import Manifest
from whyframe.errors import BackendError, ModelError
from whyframe.modelfile import ENGINE_MAGIC
from whyframe.resize_rule import ResizeRule
from whyframe.tensorrt.api import TensorRT
from whyframe.tensorrt.enginefile import EngineFile

HERE = TensorRT(None, "tensorrt_rtx", "1.7.1.116")


def test_a_written_file_is_read_back(made_up: EngineFile, tmp_path: Path) -> None:
    path = made_up.write(tmp_path / "m.engine")
    assert EngineFile.read(path) == made_up
    assert EngineFile.read(path.read_bytes()) == made_up
    assert path.read_bytes() == made_up.to_bytes(), "the file holds no date and no machine"


def test_the_header_is_json(made_up: EngineFile) -> None:
    data = made_up.to_bytes()
    size = int.from_bytes(data[8:12], "little")
    header = json.loads(data[12 : 12 + size])
    assert data[:8] == ENGINE_MAGIC
    assert header == made_up.header()
    assert header["onnx_digest"] == header["manifest"]["digest"] == made_up.manifest.digest
    assert header["compute_capabilities"] == [[8, 6], [12, 0]]
    assert header["precision"] == "fp32"
    assert data[12 + size + 32 :][: header["sizes"][0]] == b"explainer"


def test_every_flipped_byte_is_detected(made_up: EngineFile) -> None:
    data = made_up.to_bytes()
    for index in [*range(64), *range(64, len(data), 997), *range(len(data) - 80, len(data))]:
        damaged = bytearray(data)
        damaged[index] ^= 0x10
        with pytest.raises(ModelError, match=r"whyframe compile MODEL\.onnx"):
            EngineFile.read(bytes(damaged))


def test_every_truncation_is_detected(made_up: EngineFile) -> None:
    data = made_up.to_bytes()
    for size in [*range(64), *range(64, len(data), 997), len(data) - 1]:
        with pytest.raises(ModelError, match=r"truncated or damaged|not an engine file"):
            EngineFile.read(data[:size])


def test_other_files_are_refused(tmp_path: Path, bundled: bytes) -> None:
    with pytest.raises(ModelError, match="there is no model file"):
        EngineFile.read(tmp_path / "none.engine")
    with pytest.raises(ModelError, match="is not an engine file; make one with"):
        EngineFile.read(bundled)


def test_a_newer_schema_is_refused(made_up: EngineFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whyframe.tensorrt.enginefile.SCHEMA", 2)
    data = made_up.to_bytes()
    monkeypatch.undo()
    with pytest.raises(ModelError, match=r"schema 2 and this whyframe reads up to 1.*pip install --upgrade"):
        EngineFile.read(data)


def test_a_file_with_a_manifest_of_schema_1_is_read(made_up: EngineFile) -> None:
    header = made_up.header()
    spec = header["manifest"].pop("input")
    mask_side = header["manifest"].pop("mask_height")
    former = {"side": spec["height"], "mask_side": mask_side, "resize": "crop", "schema_version": 1}
    for name in ("mask_width", "activation", "exclusive", "thresholds"):
        del header["manifest"][name]
    header["manifest"].update(former)
    rewritten = dataclasses.replace(made_up)
    object.__setattr__(rewritten, "header", lambda: header)
    manifest = EngineFile.read(rewritten.to_bytes()).manifest
    assert manifest.input.shape == (former["side"], former["side"], 3)
    assert (manifest.mask_height, manifest.mask_width) == (former["mask_side"], former["mask_side"])
    assert manifest.input.resize == ResizeRule(mode="crop")


def test_an_engine_that_fits_passes_the_check(made_up: EngineFile) -> None:
    made_up.check(HERE, (8, 6))
    made_up.check(HERE, (12, 0), made_up.manifest.digest)


@pytest.mark.parametrize(
    ("trt", "device", "digest", "error", "words"),
    [
        (HERE, (8, 9), None, BackendError, r"for compute capability 8\.6, 12\.0 and this GPU's is 8\.9"),
        (
            TensorRT(None, "tensorrt_rtx", "1.8.0.1"),
            (8, 6),
            None,
            BackendError,
            r"built by TensorRT-RTX 1\.7\.1\.116 and this is TensorRT-RTX 1\.8\.0\.1",
        ),
        (
            TensorRT(None, "tensorrt", "1.7.1.116"),
            (8, 6),
            None,
            BackendError,
            r"this is TensorRT 1\.7\.1\.116",
        ),
        (HERE, (8, 6), "0" * 64, ModelError, "compiled from another ONNX file"),
    ],
)
def test_an_engine_that_does_not_fit_names_the_difference_and_the_command(
    made_up: EngineFile,
    trt: TensorRT,
    device: tuple[int, int],
    digest: str | None,
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words) as caught:
        made_up.check(trt, device, digest)
    targets = {
        ("tensorrt_rtx", (8, 9)): "--compute-capability 8.9 ",
        ("tensorrt_rtx", (8, 6)): "--compute-capability 8.6 --compute-capability 12.0 ",
    }.get((trt.name, device), "")
    command = (
        f"whyframe compile MODEL.onnx --precision fp32 --batch 1:4:8 {targets}--plugin --flavour {trt.name}"
    )
    assert str(caught.value).endswith(f"compile it again with `{command}`.")


def test_the_portable_set_runs_on_its_gpus_and_later_ones(made_up: EngineFile) -> None:
    portable = dataclasses.replace(made_up, compute_capabilities=())
    supported = [(8, 0), (8, 6), (8, 9), (12, 0), (12, 1), (13, 0)]
    assert all(portable.runs_on(gpu) for gpu in supported)
    assert not any(portable.runs_on(gpu) for gpu in [(7, 5), (8, 7), (9, 0), (10, 0)])
    with pytest.raises(BackendError, match=r"8\.0, 8\.6, 8\.9, 12\.0 and later and this GPU's is 9\.0"):
        portable.check(HERE, (9, 0))


def test_a_header_without_its_keys_is_refused(made_up: EngineFile, manifest: Manifest) -> None:
    """The digest is correct, so the file was written by another program; the error is not a KeyError."""
    broken = dataclasses.replace(made_up)
    object.__setattr__(broken, "header", lambda: {"schema": 1})
    with pytest.raises(ModelError, match="missing or invalid"):
        EngineFile.read(broken.to_bytes())


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "1"},
        {"sizes": [1, 2]},
        {"sizes": [-1, 2, 3]},
        {"sizes": [1 << 31, 0, 0]},
        {"batch": [4, 2, 1]},
        {"batch": [1, 1, 1 << 31]},
        {"tuning_batch": "abc"},
        {"compute_capabilities": 3},
        {"compute_capabilities": [[8]]},
        {"builder": ["tensorrt"]},
        {"builder": "none"},
        {"builder_version": 3},
        {"plugin": "yes"},
        {"manifest": [1]},
        {"manifest": {}},
    ],
)
def test_headers_of_wrong_types_are_one_line(
    changes: dict[str, object], made_up: EngineFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = {**made_up.header(), **changes}
    monkeypatch.setattr(EngineFile, "header", lambda self: header)
    with pytest.raises(ModelError) as caught:
        EngineFile.read(made_up.to_bytes())
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", [b"[" * 100_000, b"[]", b"null", b"\xff", b'{"a": NaN}'])
def test_headers_of_other_json_are_one_line(text: bytes) -> None:
    head = ENGINE_MAGIC + len(text).to_bytes(4, "little") + text
    with pytest.raises(ModelError, match="header"):
        EngineFile.read(head + hashlib.sha256(head).digest())
