"""Build of an engine in a subprocess, for two reasons.

Builds are reproducible: TensorRT numbers the layers that it generates from the first build of the process on, so a
new process always counts from the same start. A crash of TensorRT becomes an error: TensorRT ends the process on some
failures, and the caller then gets a message instead of ending as well.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

from whyframe.errors import BackendError, one_line
from whyframe.tensorrt.api import TensorRT, load_tensorrt
from whyframe.tensorrt.build import BuildOptions, build_engine
from whyframe.tensorrt.enginefile import Batch

__all__ = ["build_in_subprocess"]


def build_in_subprocess(model: bytes, batch: Batch, options: BuildOptions, trt: TensorRT) -> bytes:
    """Build an engine in a new process; see `whyframe.tensorrt.build.build_engine`.

    Raises:
        BackendError: The build failed, or its process ended without a result.
    """
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=pickle.dumps((model, batch, options, trt.name)),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode:
        output = one_line(done.stderr.decode(errors="replace")[-1000:], 1000)
        raise BackendError(
            f"{trt} ended with code {done.returncode} while building the engine ({output}); change the options."
        )
    result = pickle.loads(done.stdout)
    if isinstance(result, BackendError):
        raise result
    return result


def _main() -> None:
    result = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # TensorRT prints to stdout, which would corrupt the pickled result
    model, batch, options, flavour = pickle.load(sys.stdin.buffer)
    with result:
        pickle.dump(_build(model, batch, options, flavour), result)


def _build(model: bytes, batch: Batch, options: BuildOptions, flavour: str) -> bytes | BackendError:
    try:
        return build_engine(model, batch, options, load_tensorrt(flavour))
    except BackendError as error:
        return error


if __name__ == "__main__":
    _main()
