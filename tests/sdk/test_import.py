import subprocess
import sys

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


def test_every_public_name_is_there():
    import whyframe

    for name in whyframe.__all__:
        assert getattr(whyframe, name) is not None
        assert name in dir(whyframe)
    assert not hasattr(whyframe, "nothing_of_the_kind")
