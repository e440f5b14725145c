import subprocess
import sys

import pytest
import torch
from benchmarks.kernels import summarise, table

SAMPLES = {"copy": [2.0, 2.0, 9.0], "controller": [4.0, 4.0, 4.0]}
MOVED = {"copy": 4_000_000, "controller": 6_000_000}
FRAMES = {"controller kernel": [0.002, 0.002], "controller pytorch": [0.02, 0.02]}


def test_bandwidths_are_bytes_divided_by_median_times() -> None:
    report = summarise(SAMPLES, MOVED, FRAMES)
    assert report["gigabytes_per_second"] == pytest.approx({"copy": 2.0, "controller": 1.5})
    assert report["of_copy"] == pytest.approx({"copy": 1.0, "controller": 0.75})
    assert report["times_faster"] == pytest.approx({"controller": 10.0})
    assert report["samples_ms"] == {**SAMPLES, **FRAMES}, "the raw samples are published"


def test_the_page_has_the_bandwidths_and_the_times_of_one_frame() -> None:
    text = table({**summarise(SAMPLES, MOVED, FRAMES), "machine": {"gpu": "a GPU", "torch": "2"}})
    assert "| controller | 2 | 75% |" in text
    assert "| controller | 2.0 | 20.0 | 10.0 |" in text


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_prints_one_line_and_exits_with_2(tmp_path) -> None:
    command = [sys.executable, "benchmarks/kernels.py", "-o", str(tmp_path / "kernels")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
