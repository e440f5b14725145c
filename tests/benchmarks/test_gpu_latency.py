import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.gpu_latency import collect, summarise, table, torch_variants

from whyframe_export.export_source import training_free_source
from whyframe_training.classifiers.classifier import ClassifierSpec

FACTS = {"gpu": "a GPU", "onnxruntime": "1", "torch": "2"}


def test_a_runtime_that_cannot_run_is_listed_with_its_reason() -> None:
    def broken() -> dict:
        raise RuntimeError("no such\nprovider")

    fine = {"classifier": lambda: 1, "fused": lambda: 2}
    variants, missing = collect({"ort": broken, "eager": lambda: fine})
    assert set(variants) == {"eager classifier", "eager fused"}
    assert missing == {"ort": "no such provider"}


def test_a_variant_that_fails_when_called_is_not_measured_either() -> None:
    def fails() -> None:
        raise RuntimeError("out of memory")

    variants, missing = collect({"graph": lambda: {"classifier": lambda: 1, "fused": fails}})
    assert variants == {}
    assert missing == {"graph": "out of memory"}


def test_the_page_has_no_number_for_a_runtime_that_was_not_measured() -> None:
    samples = {"eager classifier": [1.0, 2.0, 3.0], "eager fused": [3.0, 3.0, 3.0]}
    stages = {"upload": 0.5, "not_measured": "no TensorRT"}
    report = {
        **summarise(samples),
        "machine": FACTS,
        "not_measured": {"tensorrt": "no TensorRT"},
        "stages": stages,
        "validity": "not asked",
    }
    assert report["explanation_overhead"] == {"eager": pytest.approx(1.5)}
    text = table(report)
    assert "| PyTorch eager | 2.000 | 3.000 | 1.500 |" in text
    assert "| TensorRT | not measured: no TensorRT |  |  |" in text
    assert "| ONNX Runtime, CUDA provider | not measured: not tried |  |  |" in text
    assert "upload 0.500" in text


def test_the_torch_variants_read_the_frame_at_each_call() -> None:
    spec = ClassifierSpec("efficientnet_lite0", "pretrained", None, None, None, 64)
    source = training_free_source(spec, "cam", batch=1)
    frame = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    parts = torch_variants(source, frame, "eager", "cpu")
    (before,) = parts["classifier"]()
    frame[...] = 255 - frame
    (after,) = parts["classifier"]()
    assert not np.allclose(before, after)
    assert len(parts["fused"]()) == 3


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_prints_one_line_and_exits_with_2() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "benchmarks/gpu_latency.py", "run", "-o", "out"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout.count("\n") == 1
    assert "needs a CUDA device" in done.stdout
