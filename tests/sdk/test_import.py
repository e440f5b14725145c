import subprocess
import sys

import pytest

import whyframe

HEAVY = ("torch", "typer", "rich", "onnx", "onnxruntime", "cv2", "PIL", "av", "scipy", "skimage")
RUNTIME_MAY = ("onnxruntime", "cv2")


def modules_after(code: str) -> set[str]:
    program = f"import sys; {code}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_whyframe_imports_nothing_heavy():
    assert modules_after("import whyframe; whyframe.WhyframeError").isdisjoint(HEAVY)


def test_the_engine_imports_only_the_runtime(toy_path):
    code = (
        "import numpy, whyframe; "
        f"engine = whyframe.ExplainEngine({str(toy_path)!r}, threads=1); "
        "engine.run(numpy.zeros((9, 9, 3), numpy.uint8), refine=2).overlay()"
    )
    found = modules_after(code)
    assert found.isdisjoint(set(HEAVY) - set(RUNTIME_MAY))
    assert found.issuperset(RUNTIME_MAY)


def test_the_exported_names_are_these():
    assert whyframe.__all__ == [
        "BackendError",
        "ClassScore",
        "ExplainEngine",
        "Explanation",
        "FrameError",
        "Manifest",
        "ManifestError",
        "ModelError",
        "NV12Frame",
        "OptionError",
        "OutputError",
        "SourceError",
        "StreamError",
        "TargetError",
        "WhyframeError",
        "__version__",
    ]


@pytest.mark.parametrize("name", whyframe.__all__)
def test_every_exported_name_can_be_imported_and_is_listed(name):
    assert hasattr(whyframe, name)
    assert name in dir(whyframe)


def test_other_names_are_not_there():
    assert not hasattr(whyframe, "nothing_of_the_kind")


@pytest.mark.parametrize("name", sorted({*whyframe.__all__} - {"__version__"}))
def test_everything_public_has_a_docstring(name):
    exported = getattr(whyframe, name)
    members = [
        getattr(value, "__func__", value)
        for member, value in vars(exported).items()
        if not member.startswith("_") and (callable(value) or isinstance(value, (property, classmethod)))
    ]
    assert all(documented.__doc__ for documented in (exported, *members))
