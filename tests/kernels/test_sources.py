"""Tests that the sources compile as C, as C++ and with nvcc for every GPU, and that CMake builds the project."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys

import pytest

from helpers.compiled import SOURCES

ROOT = SOURCES.parent


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_header_compiles_as_c(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    source = tmp_path / "user.c"
    source.write_text(
        '#include "whyframe_kernels.h"\nint main(void) { return whyframe_abi_version() != WHYFRAME_ABI_VERSION; }\n'
    )
    run(compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{SOURCES / 'include'}", "-c", source,
        "-o", tmp_path / "user.o")  # fmt: skip


def test_cmake_configures_without_cuda(tmp_path):
    if shutil.which("cmake") is None:
        pytest.skip("no cmake")
    output = run("cmake", "-S", ROOT, "-B", tmp_path)
    assert "kernels are off" in output or "no C++ compiler" in output


@pytest.mark.slow
def test_nvcc_compiles_for_every_gpu_without_a_warning(tmp_path):
    """Takes about two minutes on one core."""
    if shutil.which("nvcc") is None or shutil.which("cmake") is None:
        pytest.skip("no nvcc, or no cmake")
    run("cmake", "-S", ROOT, "-B", tmp_path, "-DWHYFRAME_KERNELS=ON")
    run("cmake", "--build", tmp_path)
    library = tmp_path / "kernels" / "libwhyframe_kernels.so"
    exported = set(re.findall(r" T (whyframe_\w+)", run("nm", "-D", "--defined-only", library)))
    header = (SOURCES / "include" / "whyframe_kernels.h").read_text()
    assert exported == set(re.findall(r"\b(whyframe_\w+)\(", header))
    assert "libcudart" not in run("ldd", library), "the CUDA runtime is linked statically"
    if shutil.which("cuobjdump"):
        built = set(re.findall(r"sm_(\d+)", run("cuobjdump", "--list-elf", library)))
        assert built == {"75", "80", "86", "87", "89", "90", "100", "120"}
        assert "sm_120" in run("cuobjdump", "--list-ptx", library)


@pytest.fixture
def toolchain():
    spec = importlib.util.spec_from_file_location("toolchain", SOURCES / "toolchain.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_compiler_of_pythons_packages_is_found(toolchain, tmp_path, capsys):
    root = tmp_path / "site" / "nvidia" / "cu13"
    for name in ("bin/nvcc", "lib/libcudart_static.a"):
        (root / name).parent.mkdir(parents=True)
        (root / name).touch()
    assert toolchain.main([str(tmp_path), str(tmp_path / "site")]) == 0
    assert capsys.readouterr().out.splitlines() == [str(root / "bin" / "nvcc"), f"-L{root / 'lib'}"]


def test_an_incomplete_toolchain_is_not_found(toolchain, tmp_path, capsys):
    (tmp_path / "nvidia" / "cu13" / "bin").mkdir(parents=True)
    (tmp_path / "nvidia" / "cu13" / "bin" / "nvcc").touch()
    assert toolchain.main([str(tmp_path)]) == 1
    assert "not installed" in capsys.readouterr().err


def test_the_toolchain_script_runs_alone():
    done = subprocess.run(
        [sys.executable, "-S", str(SOURCES / "toolchain.py")], capture_output=True, check=False
    )
    assert done.returncode in (0, 1)
