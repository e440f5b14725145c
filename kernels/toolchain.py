"""Finds the CUDA compiler that NVIDIA's Python packages install, and the flags that it needs there.

    pip install "nvidia-cuda-nvcc==13.0.*" "nvidia-cuda-runtime==13.0.*" "nvidia-cuda-cccl==13.0.*" \
        "nvidia-cuda-crt==13.0.*" "nvidia-nvvm==13.0.*"
    python kernels/toolchain.py

Prints the path of nvcc, then a flag a line. Exits with 1 where the packages are not there. CMake calls it where no
other nvcc is found.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def find(folders: Iterable[str]) -> list[str] | None:
    """Nvcc and its flags, from the first of ``folders`` (as `sys.path` has them) that holds the packages."""
    for folder in folders:
        # Since CUDA 13 the packages share one folder; nvcc finds its headers there by itself, not its libraries.
        root = Path(folder) / "nvidia" / "cu13"
        nvcc, libraries = root / "bin" / "nvcc", root / "lib"
        if nvcc.is_file() and (libraries / "libcudart_static.a").is_file():
            return [str(nvcc), f"-L{libraries}"]
    return None


def main(folders: Sequence[str]) -> int:
    """Prints what `find` finds."""
    found = find(folders)
    if found is None:
        print(
            "NVIDIA's compiler packages are not installed; this file's first lines say how.", file=sys.stderr
        )
        return 1
    print("\n".join(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.path))
