"""Builds in a process of their own, so that the same build gives the same names, and so that none takes us down.

TensorRT numbers what it generates from the first build of the process on; in a fresh one the numbers are
always the same. And where TensorRT ends the process, as it does on some errors, the caller gets a message.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

from whyframe.errors import BackendError, one_line
from whyframe.tensorrt.api import TensorRT, load_tensorrt

if TYPE_CHECKING:
    from whyframe.tensorrt.build import BuildOptions
    from whyframe.tensorrt.enginefile import Batch

__all__ = ["build_in_subprocess"]


def build_in_subprocess(model: bytes, batch: Batch, options: BuildOptions, trt: TensorRT) -> bytes:
    """`whyframe.tensorrt.build.build_engine` in a fresh process; the same arguments, result and errors."""
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=pickle.dumps((model, batch, options, trt.name)),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode:
        said = one_line(done.stderr.decode(errors="replace")[-1000:], 1000)
        raise BackendError(
            f"{trt} ended with code {done.returncode} while building: {said}. Change the options."
        )
    result = pickle.loads(done.stdout)
    if isinstance(result, BackendError):
        raise result
    return result


def _main() -> None:
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what TensorRT prints is no answer
    model, batch, options, flavour = pickle.load(sys.stdin.buffer)
    with answer:
        pickle.dump(_build(model, batch, options, flavour), answer)


def _build(model: bytes, batch: Batch, options: BuildOptions, flavour: str) -> bytes | BackendError:
    from whyframe.tensorrt.build import build_engine

    try:
        return build_engine(model, batch, options, load_tensorrt(flavour))
    except BackendError as error:
        return error


if __name__ == "__main__":
    _main()
