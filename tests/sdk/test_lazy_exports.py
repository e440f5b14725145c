import subprocess
import sys

import pytest

import whyframe
from whyframe.lazy_exports import lazy_exports


def test_a_name_is_imported_when_it_is_first_used() -> None:
    get_attribute, list_names = lazy_exports("whyframe", {"Explanation": "whyframe.explanation"})
    assert get_attribute("Explanation") is whyframe.Explanation
    assert "Explanation" in list_names()


def test_an_unknown_name_is_an_attribute_error() -> None:
    get_attribute, _ = lazy_exports("whyframe", {})
    with pytest.raises(AttributeError, match="module 'whyframe' has no attribute 'absent'"):
        get_attribute("absent")


@pytest.mark.parametrize(
    "package", ["whyframe", "whyframe_training", "whyframe_export", "whyframe_evaluation"]
)
def test_importing_a_package_imports_nothing_heavy(package: str) -> None:
    program = f"import sys, {package}; print(sorted({{'torch', 'cv2', 'onnxruntime'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
