"""Search for the CUDA compiler in NVIDIA's Python packages, with the flags that it needs there.

    pip install "nvidia-cuda-nvcc==13.0.*" "nvidia-cuda-runtime==13.0.*" "nvidia-cuda-cccl==13.0.*" \
        "nvidia-cuda-crt==13.0.*" "nvidia-nvvm==13.0.*"
    python kernels/toolchain.py

The script prints the path of nvcc, then each flag on its own line. It exits with 1 if the packages are not installed.
CMake calls it if there is no other nvcc.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def find(folders: Iterable[str]) -> list[str] | None:
    """Return the path of nvcc and its flags; None if they are not found.

    Args:
        folders: Folders that may hold the packages, such as `sys.path`.
    """
    for folder in folders:
        # Since CUDA 13, the packages share a folder. nvcc finds its headers there by itself, but not its libraries.
        root = Path(folder) / "nvidia" / "cu13"
        nvcc, libraries = root / "bin" / "nvcc", root / "lib"
        if nvcc.is_file() and (libraries / "libcudart_static.a").is_file():
            return [str(nvcc), f"-L{libraries}"]
    return None


def main(folders: Sequence[str]) -> int:
    """Print the result of `find`, and return the exit code."""
    found = find(folders)
    if found is None:
        print(
            "NVIDIA's compiler packages are not installed; run the pip command at the top of kernels/toolchain.py.",
            file=sys.stderr,
        )
        return 1
    print("\n".join(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.path))
