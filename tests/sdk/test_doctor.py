import json
import subprocess
import sys

import pytest

from whyframe import doctor
from whyframe.doctor import examine


def found(what):
    return next(one for one in examine() if one.what.startswith(what))


def test_every_missing_or_broken_piece_has_the_command_that_mends_it():
    findings = examine()
    for one in findings:
        assert one.state in ("ok", "missing", "broken")
        assert bool(one.fix) == (one.state != "ok"), one
        assert "\n" not in one.found + one.fix
    names = " ".join(one.what for one in findings)
    for piece in (
        "GPU",
        "CUDA compiler",
        "CUDA kernels",
        "pycuda",
        "tensorrt",
        "tensorrt_rtx",
        "ONNX Runtime",
    ):
        assert piece in names


def test_owners_of_one_folder_are_seen(monkeypatch):
    there = {
        "onnxruntime": "1.2",
        "onnxruntime-gpu": "1.3",
        "opencv-python": "4",
        "opencv-python-headless": "4",
    }
    monkeypatch.setattr(doctor, "_version", lambda name: there.get(name, ""))
    runtime, opencv = doctor._overwritten()
    assert runtime.state == "broken"
    assert runtime.fix == ("pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu")
    assert opencv.found == "opencv-python and opencv-python-headless overwrite each other"


def test_one_owner_is_fine(monkeypatch):
    monkeypatch.setattr(
        doctor, "_version", lambda name: "1.0" if name in ("onnxruntime", "opencv-python") else ""
    )
    assert list(doctor._overwritten()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="where no library of that name is")
def test_no_driver_is_said(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(doctor.ctypes, "CDLL", missing)
    assert doctor._gpu().state == "missing"


def test_the_command_prints_json_and_its_exit_code_says_broken():
    program = [sys.executable, "-c", "from whyframe.cli import main; main()"]
    done = subprocess.run([*program, "doctor", "--json"], capture_output=True, text=True, check=False)
    findings = json.loads(done.stdout)
    assert {"what", "found", "state", "fix"} == set(findings[0])
    assert done.returncode == any(one["state"] == "broken" for one in findings)
