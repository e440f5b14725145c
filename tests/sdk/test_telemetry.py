"""ONNX Runtime starts its telemetry when its library is loaded, and asks for its collector after half a minute."""

import os
import shutil
import subprocess
import sys

import pytest

CODE = """
import {package}, onnxruntime, numpy
from whyframe import ExplainEngine
ExplainEngine({path!r}, threads=1).run(numpy.zeros((9, 9, 3), numpy.uint8))
"""
PACKAGES = ("whyframe", "whyframe_training", "whyframe_export", "whyframe_evaluation")


def environment(home):
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    return {**kept, "HOME": str(home), "XDG_CACHE_HOME": ""}


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_is_written_under_the_home_folder(package, toy_path, tmp_path):
    """The device id and the database of events are written when a process without the switch imports ONNX Runtime."""
    code = CODE.format(package=package, path=str(toy_path))
    subprocess.run([sys.executable, "-B", "-c", code], env=environment(tmp_path), check=True)
    assert [path.name for path in tmp_path.rglob("*") if "Microsoft" in str(path)] == []


def test_the_switch_of_the_user_is_kept():
    code = "import os, whyframe; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    kept = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    assert (
        subprocess.run(
            [sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=True
        ).stdout
        == "0\n"
    )


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(
    "seconds", [1, pytest.param(90, marks=pytest.mark.slow)], ids=["at the start", "after 90 seconds"]
)
def test_no_socket_is_opened(seconds, toy_path, tmp_path):
    code = CODE.format(package="whyframe", path=str(toy_path)) + f"import time; time.sleep({seconds})"
    log = tmp_path / "trace"
    command = ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(log), sys.executable, "-c", code]
    subprocess.run(command, env=environment(tmp_path), check=True)
    assert log.read_text() == ""
