import subprocess
import sys

import pytest

from whyframe_evaluation.methods import METHODS, UnknownMethod, build_method
from whyframe_evaluation.methods.libraries import MissingLibrary, captum


@pytest.mark.parametrize("name", METHODS)
def test_a_method_knows_its_own_name(name) -> None:
    method = build_method(name)
    assert method.name == name
    assert method.title
    assert method.paper


def test_an_unknown_name_gets_the_nearest_ones() -> None:
    with pytest.raises(UnknownMethod, match=r"no method 'gradcam': did you mean grad-cam"):
        build_method("gradcam")
    with pytest.raises(UnknownMethod, match="choose cam, grad-cam"):
        build_method("xyzzy")
    with pytest.raises(UnknownMethod, match="variable-blur-occlusion"):
        build_method("blur")


def test_importing_and_building_needs_no_library() -> None:
    code = """
import sys
from whyframe_evaluation.methods import METHODS
assert "torch" not in sys.modules and "captum" not in sys.modules
[build() for build in METHODS.values()]
assert "captum" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_library_is_one_line(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(MissingLibrary, match="pip install"):
        captum()
