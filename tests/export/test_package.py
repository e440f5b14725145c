import subprocess
import sys

import pytest

import whyframe_export


@pytest.mark.parametrize("name", whyframe_export.__all__)
def test_the_package_offers_what_it_lists(name: str) -> None:
    assert getattr(whyframe_export, name).__name__ == name
    assert name in dir(whyframe_export)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        whyframe_export.missing  # noqa: B018


def test_importing_the_package_imports_neither_pytorch_nor_onnx() -> None:
    code = "import sys, whyframe_export; sys.exit(bool({'torch', 'onnx', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
