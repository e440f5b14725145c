import ctypes
import re
from pathlib import Path

import numpy as np
import pytest

from helpers.compiled import SOURCES
from whyframe import native
from whyframe.errors import BackendError
from whyframe.native import kernels
from whyframe.native.kernels import Kernels, kernels_exist, load_host_twins, load_kernels

HEADER = (SOURCES / "include" / "whyframe_kernels.h").read_text()
C_TYPES = {"int": ctypes.c_int, "int64_t": ctypes.c_int64, "float": ctypes.c_float}


@pytest.fixture(scope="session")
def twins(host_twins) -> Path:
    """The file of the host twins, which no public attribute holds."""
    return Path(host_twins._library._name)


def declarations():
    """Return the declarations of the header: name -> (returned type, [(type, name), ...])."""
    code = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)
    found = re.findall(r"WHYFRAME_API (int|int64_t) whyframe_(\w+)\(([^)]*)\);", code)
    parameters = {name: [parameter.split() for parameter in text.split(",")] for _, name, text in found}
    return {
        name: (
            returned,
            [
                ("*" if "*" in "".join(words) else words[0], words[-1].lstrip("*"))
                for words in parameters[name]
            ],
        )
        for returned, name, _ in found
        if name != "abi_version"
    }


def test_the_methods_match_the_header():
    methods = {name: method for name, method in vars(Kernels).items() if hasattr(method, "c_types")}
    assert methods.keys() == declarations().keys()
    for name, (returned, parameters) in declarations().items():
        types, result = methods[name].c_types
        assert result is C_TYPES[returned], name
        assert types == [C_TYPES.get(kind, ctypes.c_void_p) for kind, _ in parameters], name
        code = methods[name].__wrapped__.__code__
        assert code.co_varnames[1 : code.co_argcount] == tuple(parameter for _, parameter in parameters), name


def test_the_constants_match_the_header():
    values = {name: int(value) for name, value in re.findall(r"WHYFRAME_(\w+) = (-?\d+)", HEADER)}
    for table in (Kernels.TYPES, Kernels.MODES, Kernels.FORMATS, Kernels.MATRICES):
        assert table == {name: values[name.upper()] for name in table}
    assert (values["PLANAR"], values["INTERLEAVED"]) == (Kernels.PLANAR, Kernels.INTERLEAVED)
    assert re.search(r"WHYFRAME_ABI_VERSION (\d+)", HEADER)[1] == str(kernels.ABI_VERSION)


def test_arguments_are_positional_or_named(twins):
    kernels = load_host_twins(twins)
    mask, scores = np.array([[0.25]], np.float32), np.zeros((2, 2), np.float32)
    kernels.upsample(mask.ctypes.data, 1, 1, scores.ctypes.data, 2, 2, stream=0)
    assert (scores == 0.25).all()
    assert kernels.blur_scratch_bytes(2, 3, 4, width=5) == 2 * 3 * 4 * 5 * 4
    with pytest.raises(TypeError, match="stream"):
        kernels.upsample(mask.ctypes.data, 1, 1, scores.ctypes.data, 2, 2)
    with pytest.raises(TypeError, match="too many"):
        kernels.upsample(mask.ctypes.data, 1, 1, scores.ctypes.data, 2, 2, 0, 0)


def test_an_error_is_one_line_with_its_reason(twins):
    with pytest.raises(
        BackendError, match=r"^upsample failed: a required pointer is null \(-1\); compare"
    ) as caught:
        load_host_twins(twins).upsample(None, 1, 1, None, 2, 2, 0)
    assert "\n" not in str(caught.value)


@pytest.fixture
def elsewhere(monkeypatch):
    """A new loader, and a function that sets the path of the library."""
    load_kernels.cache_clear()
    yield lambda path: monkeypatch.setenv("WHYFRAME_KERNELS_LIBRARY", str(path))
    load_kernels.cache_clear()


def test_the_error_of_a_missing_library_says_how_to_build_it(elsewhere, tmp_path):
    elsewhere(tmp_path / "none.so")
    assert not kernels_exist()
    with pytest.raises(BackendError, match=r"none\.so; .*WHYFRAME_KERNELS=1 pip install.*cmake.*_LIBRARY"):
        load_kernels()


def test_the_error_of_a_damaged_library_says_how_to_build_it(elsewhere, tmp_path):
    (tmp_path / "bad.so").write_bytes(b"no library")
    elsewhere(tmp_path / "bad.so")
    assert kernels_exist()
    with pytest.raises(BackendError, match=r"cannot be loaded .*; .*cmake") as caught:
        load_kernels()
    assert "\n" not in str(caught.value)


def test_another_library_is_refused(elsewhere, twins):
    elsewhere(twins)
    with pytest.raises(BackendError, match=r"not a kernel library.*cmake"):
        load_kernels()


def test_another_interface_is_refused(twins, monkeypatch):
    monkeypatch.setattr(kernels, "ABI_VERSION", 99)
    with pytest.raises(BackendError, match="interface 4, but this whyframe needs 99; rebuild"):
        load_host_twins(twins)


def test_a_library_is_loaded_once(twins):
    assert native.load_library_file(twins, "") is native.load_library_file(twins, "")


def test_the_default_path_is_beside_the_loader(monkeypatch):
    monkeypatch.delenv("WHYFRAME_KERNELS_LIBRARY", raising=False)
    assert native.library_path("kernels") == Path(native.__file__).parent / "libwhyframe_kernels.so"
