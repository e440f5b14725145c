import subprocess
import sys

import pytest

from whyframe_evaluation.methods import METHODS, UnknownMethod, build_method


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_the_name_it_is_registered_by(name) -> None:
    method = build_method(name)
    assert method.name == name
    assert method.title
    assert method.paper


def test_the_error_for_an_unknown_name_offers_the_closest_names() -> None:
    with pytest.raises(UnknownMethod, match=r"no method 'gradcam': did you mean grad-cam"):
        build_method("gradcam")
    with pytest.raises(UnknownMethod, match="choose cam, grad-cam"):
        build_method("xyzzy")
    with pytest.raises(UnknownMethod, match="variable-blur-occlusion"):
        build_method("blur")


def test_importing_the_registry_imports_neither_torch_nor_a_method() -> None:
    code = """
import sys
from whyframe_evaluation.methods import METHODS
assert "torch" not in sys.modules
assert not [name for name in sys.modules if name.startswith("whyframe_evaluation.methods.")]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
